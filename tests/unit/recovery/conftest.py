from pathlib import Path

import pytest

from tests.support.recovery_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two components, each with two bases a minute apart."""
    found = World(tmp_path)
    for name in ("one", "two"):
        for number in (1, 2):
            found.base(name, f"{name} {number}".encode())
    return found
