"""`budgets.memory` is kept by the whole process, whatever the size of what is protected."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli_host import PROGRAM, CliHost, redis_component
from tests.support.redis_server import Servers

HUGE = 300
"""MiB: more than twice the budget below. Six workers would take more than that, were they not told of it."""
BLOCK = os.urandom(1 << 20)
Protects = Callable[[CliHost, Servers], str]


def a_file(host: CliHost, servers: Servers) -> str:
    (host.directory / "files").mkdir()
    with (host.directory / "files" / "huge").open("wb") as file:
        for number in range(HUGE):
            file.write(number.to_bytes(8, "big") + BLOCK[8:])
    return "  huge: {driver: directory, path: files}\n"


def a_server(host: CliHost, servers: Servers) -> str:
    server = servers("valkey")
    with server.client() as client:
        for number in range(HUGE):
            client.set(f"block:{number}", number.to_bytes(8, "big") + BLOCK[8:])
    return redis_component(server).replace("redis:", "huge:", 1)


def peak(host: CliHost, *arguments: str) -> int:
    """The most memory that the program had, in MiB."""
    with Path(os.devnull).open("wb") as nowhere:
        process = subprocess.Popen([PROGRAM, "--quiet", *arguments], cwd=host.directory, stdout=nowhere)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss // 1024


@pytest.mark.parametrize("protects", [a_file, a_server])
def test_a_base_many_times_the_budget_is_taken_and_recovered_within_it(
    host: CliHost, servers: Servers, protects: Protects
) -> None:
    host.configure(protects(host, servers))
    text = host.config.read_text()
    host.config.write_text(text.replace("  memory: 512MiB", "  workers: 6\n  memory: 128MiB"))
    assert "  memory: 128MiB" in host.config.read_text()
    assert peak(host, "backup") < 128
    assert peak(host, "recover", "--target", "huge=back") < 128
    assert sum(path.stat().st_size for path in (host.directory / "back").rglob("*") if path.is_file()) >= HUGE << 20
