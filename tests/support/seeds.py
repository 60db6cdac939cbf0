"""pytest plugin: one seed for a run, printed at its end; `--seed N` repeats what that run drew.

The `seed` fixture and hypothesis both follow it. CI draws the same each time: a change is judged by what it changed.
"""

import secrets
import zlib

import pytest
from hypothesis import settings

from tests.support.ci_rules import in_ci

CI_SEED = 20251015


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="draw the random choices of an earlier run again")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Before xdist starts its workers, who are given the options as they are then."""
    if config.option.seed is None:
        config.option.seed = CI_SEED if in_ci() else secrets.randbelow(10**8)
    settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
    settings.register_profile("here", deadline=None, print_blob=True)
    settings.load_profile("ci" if in_ci() else "here")
    if not in_ci() and config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(config.option.seed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(f"seed: {config.option.seed} (repeat with --seed={config.option.seed})")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number of this test's own, the same whichever other tests run."""
    return zlib.crc32(f"{request.config.option.seed} {request.node.nodeid}".encode())
