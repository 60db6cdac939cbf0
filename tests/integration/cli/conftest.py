"""A host with the program, and real servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_host import CliHost
from tests.support.redis_server import Servers, running


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CliHost:
    directory = tmp_path / "host"
    directory.mkdir()
    monkeypatch.chdir(directory)
    monkeypatch.delenv("PLANARIA_CONFIG", raising=False)
    return CliHost(directory, capsys)


@pytest.fixture
def files(host: CliHost) -> Path:
    """A host that protects a small directory."""
    source = host.directory / "files"
    source.mkdir()
    (source / "a.txt").write_text("first")
    host.configure("  files: {driver: directory, path: files}\n")
    return source


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started
