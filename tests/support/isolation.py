"""pytest plugin: a test in tests/unit or tests/property that opens a connection or sleeps fails, whoever made it do so.

Python's audit events see sockets and programs in every thread and however the function was imported; `time.sleep` has
such an event from Python 3.13 only, so it is replaced where it lives.
"""

import sys
from collections.abc import Iterator
from typing import NoReturn

import pytest

QUIET = ("unit", "property")
FORBIDDEN = ("socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen")

_watching = False
_installed = False
_caught: list[str] = []


class Disturbance(AssertionError):
    """A quiet test reached out of the process, or waited."""


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in FORBIDDEN:
        _refuse(event)


def _refuse(what: str) -> NoReturn:
    _caught.append(what)
    raise Disturbance(f"{what} in a test that must do without")


def _watch(on: bool) -> None:
    global _watching, _installed
    if on and not _installed:
        sys.addaudithook(_audit)  # for good: Python has no way to take one off
        _installed = True
    _watching = on


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    tier = request.path.relative_to(request.config.rootpath).parts[1:2]
    if not set(tier) & set(QUIET):
        yield
        return
    _caught.clear()
    monkeypatch.setattr("time.sleep", lambda seconds: _refuse("time.sleep"))
    _watch(True)
    yield
    _watch(False)
    if _caught:
        pytest.fail(f"not allowed here: {', '.join(_caught)}", pytrace=False)
