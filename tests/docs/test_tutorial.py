"""The tutorial's examples run, in order, as they stand there; but on free ports, and an idle source waits less."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_host import PROGRAM
from tests.support.redis_server import binary, free_port

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
BLOCK = re.compile(r"(?:^<!-- status (\d+) -->\n)?^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)

CLIENT = f"""#!{sys.executable}
import sys, redis
with redis.Redis(port=int(sys.argv[2]), decode_responses=True) as client:
    try:
        found = client.execute_command(*sys.argv[3:])
    except (redis.ConnectionError, redis.BusyLoadingError):
        sys.exit(0 if sys.argv[3] == "shutdown" else 1)
print("\\n".join(map(str, found)) if isinstance(found, list) else found)
"""
"""`valkey-cli`, which the wheel does not have."""


def script() -> str:
    """Every command, followed by a check of its status."""
    lines = ["set -u"]
    for status, block in BLOCK.findall(TUTORIAL.read_text()):
        for line in block.splitlines():
            assert line.startswith("$ "), f"not a command: {line}"
            command = line.removeprefix("$ ")
            said = command.replace("'", "'\\''")
            lines += [
                command,
                f"came=$?; [ $came -eq {status or 0} ] || {{ echo 'status' $came: '{said}' >&2; exit 99; }}",
            ]
    return "\n".join(lines) + "\n"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """What the tutorial needs on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "planaria").symlink_to(PROGRAM)
    (folder / "valkey-server").symlink_to(binary("valkey"))
    (folder / "valkey-cli").write_text(CLIENT)
    (folder / "valkey-cli").chmod(0o755)
    return folder


def test_the_tutorial_works(tmp_path: Path, tools: Path) -> None:
    text = script()
    for port in ("6380", "6381"):
        assert port in text
        text = text.replace(port, str(free_port()))
    assert "spool: local/spool}" in text
    text = text.replace("spool: local/spool}", "spool: local/spool}\nfollow: {idle: 300ms}")
    place = tmp_path / "place"
    place.mkdir()
    environ = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    with (tmp_path / "said").open("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-c", text], cwd=place, env=environ, stdout=said, stderr=said, start_new_session=True
        )
        try:
            status: int | None = shell.wait(240)
        except subprocess.TimeoutExpired:
            status = None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)  # what it left behind, if it did not come to its end
        shell.wait()
        said.seek(0)
        assert status == 0, said.read() + (place / "follow.log").read_text()
    assert (place / "restored" / "start.conf").exists()


def test_it_is_long_enough_to_teach_something() -> None:
    commands = set(re.findall(r"^\$.*?planaria (\w+)", TUTORIAL.read_text(), re.MULTILINE))
    assert {"init", "doctor", "backup", "follow", "points", "recover", "runs", "check", "status", "keys"} <= commands
