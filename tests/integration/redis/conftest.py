"""Real servers, ended when the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.redis_server import Servers, running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started
