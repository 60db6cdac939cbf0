"""Runs the one-file reader as somebody without Planaria would: isolated, with three packages and nothing else."""

import subprocess
import sys
from pathlib import Path

READER = Path(__file__).parents[2] / "src" / "planaria" / "repository" / "recovery_kit" / "read.py"
PACKAGES = {"blake3", "cryptography", "zstandard"}
FOREIGN = {"_cffi_backend", "cffi", "backports", "typing_extensions"}
"""What those packages import in their turn."""

_ALONE = """
import runpy, sys
allowed = sys.stdlib_module_names | set({allowed!r})
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{{name}} is not installed here")
sys.meta_path.insert(0, Absent())
sys.argv = {argv!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def read(reader: Path, repository: Path, identity: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(reader), str(repository), "--identity", str(identity), *arguments]
    program = _ALONE.format(allowed=sorted(PACKAGES | FOREIGN), argv=argv)
    command = [sys.executable, "-I", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
