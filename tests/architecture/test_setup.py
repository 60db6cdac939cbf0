"""`scripts/setup` on other machines: programs of our own stand in for what it would call, and keep a log."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "cat", "dirname", "env", "mkdir", "ln", "sed", "sha256sum", "sh")
MISSING = "redis-server ceph-mon ceph-osd radosgw"


class Machine:
    """A PATH of its own, and a copy of what set-up reads."""

    def __init__(self, directory: Path) -> None:
        self.programs, self.log, self.tree = directory / "bin", directory / "log", directory / "tree"
        self.programs.mkdir()
        for name in NEEDED:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        (self.programs / "python3").symlink_to(Path(sys.executable).resolve())
        shutil.copytree(ROOT / "scripts", self.tree / "scripts")
        for name in ("uv.lock", "pyproject.toml"):
            shutil.copy(ROOT / name, self.tree)
        self.log.touch()
        self.program("uv", f"mkdir -p .venv/bin && ln -sf {self.programs}/python3 .venv/bin/python")
        for name in ("install", "rm"):
            self.program(name, "[ -t 0 ] || cat >/dev/null")

    def program(self, name: str, body: str = "") -> None:
        path = self.programs / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def is_root(self, yes: bool) -> None:
        self.program("id", f"echo {0 if yes else 1000}")
        self.program("sudo", "exit 1")

    def setup(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        around = {"PATH": str(self.programs), "PIP_CONFIG_FILE": "/dev/null", **environment}
        command = [str(self.tree / "scripts" / "setup"), *arguments]
        return subprocess.run(
            command, env=around, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    def called(self, program: str) -> list[str]:
        calls = self.log.read_text().splitlines()
        return [call for call in calls if call.startswith(program + " ") and call != "uv --version"]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_environment_is_made_from_the_lock_file_once(machine: Machine) -> None:
    assert machine.setup().returncode == 0
    assert machine.called("uv") == ["uv sync --frozen --quiet --compile-bytecode"]
    assert machine.setup().returncode == 0
    assert len(machine.called("uv")) == 1


@pytest.mark.parametrize("changed", ["uv.lock", "pyproject.toml"])
def test_the_environment_is_made_again_when_what_it_is_made_from_changes(machine: Machine, changed: str) -> None:
    machine.setup()
    with (machine.tree / changed).open("a") as file:
        file.write("\n")
    machine.setup()
    assert len(machine.called("uv")) == 2


def test_a_failed_environment_is_tried_again_next_time(machine: Machine) -> None:
    machine.program("uv", '[ "$1" = --version ] || exit 2')
    assert machine.setup().returncode == 1
    assert machine.setup().returncode == 1
    assert len(machine.called("uv")) == 2


@pytest.mark.parametrize("told_by", ["environment", "pip's configuration"])
def test_where_the_machine_has_its_own_index_the_locked_versions_come_from_there(
    machine: Machine, tmp_path: Path, told_by: str
) -> None:
    index, configuration = "https://index.example/simple", tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = {index}\n")
    told = {"PIP_INDEX_URL": index} if told_by == "environment" else {"PIP_CONFIG_FILE": str(configuration)}
    done = machine.setup(**told)
    assert done.returncode == 0, done.stderr
    fetches = [call for call in machine.called("uv") if call.startswith("uv pip")]
    assert len(fetches) == 2
    assert all(f"--default-index {index}" in call for call in fetches)
    assert "--require-hashes" in fetches[0]


def test_root_gets_the_debian_packages_that_are_missing_and_only_those(machine: Machine) -> None:
    machine.is_root(True)
    machine.program("redis-server")
    machine.program("apt-get")
    done = machine.setup("test")
    assert done.returncode == 0, done.stderr
    [call] = machine.called("apt-get")
    assert call.endswith("install --yes --no-install-recommends ceph-mon ceph-osd radosgw")


def test_package_lists_are_fetched_when_an_install_fails_without(machine: Machine) -> None:
    machine.is_root(True)
    machine.program("apt-get", f'case "$(cat {machine.log})" in *update*) ;; *) exit 100 ;; esac')
    assert machine.setup("test").returncode == 0
    assert [call.split()[4] for call in machine.called("apt-get")] == ["install", "update", "install"]


def test_who_may_not_install_is_told_what_cannot_run_and_goes_on(machine: Machine) -> None:
    machine.is_root(False)
    machine.program("apt-get")
    done = machine.setup("test")
    assert done.returncode == 0
    assert machine.called("apt-get") == []
    assert f"Debian packages are missing: {MISSING} (only root may install them)" in done.stderr
    assert f"apt-get install {MISSING}" in done.stderr


@pytest.mark.parametrize("reason", ["this machine has no apt-get", "only root may install them", "apt-get failed"])
def test_ci_does_not_go_on_without_them(machine: Machine, reason: str) -> None:
    machine.is_root(reason != "only root may install them")
    if reason != "this machine has no apt-get":
        machine.program("apt-get", "exit 100")
    done = machine.setup("test", CI="true")
    assert done.returncode == 1
    assert reason in done.stderr


def test_nothing_is_installed_where_nothing_is_missing(machine: Machine) -> None:
    machine.is_root(True)
    machine.program("apt-get")
    for name in MISSING.split():
        machine.program(name)
    assert machine.setup("test", CI="true").returncode == 0
    assert machine.called("apt-get") == []
