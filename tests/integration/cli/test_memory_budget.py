"""`budgets.memory` is kept by the whole process, whatever the size of what is protected."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.support.cli_host import PROGRAM, CliHost, redis_component
from tests.support.redis_server import Servers

HUGE = 300
"""MiB: more than twice the budget below. Six workers would take more than that, were they not told of it."""
BLOCK = os.urandom(1 << 20)
WATCHED = """import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))"""
"""Between the tests and the program: a process starts out with the peak of the one that it was forked from."""
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
    command = [sys.executable, "-c", WATCHED, str(PROGRAM), "--quiet", *arguments]
    done = subprocess.run(command, cwd=host.directory, stdout=subprocess.PIPE, timeout=120, check=True)
    return int(done.stdout.splitlines()[-1]) // 1024


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
