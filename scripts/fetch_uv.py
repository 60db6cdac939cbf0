"""Fetches uv into a directory with nothing but Python: for machines that have neither uv nor pip.

Usage: fetch_uv.py DIRECTORY. The index is the one that pip or uv is configured with in the environment, else that of
uv.lock; what it serves is checked against the hash that the index gives. Only Linux with glibc, on x86-64 and ARM64.
"""

import hashlib
import io
import json
import os
import platform
import re
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
SIMPLE = "application/vnd.pypi.simple.v1+json"


def index() -> str:
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if os.environ.get(name):
            return os.environ[name]
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    registry: str = next(one["source"]["registry"] for one in lock["package"] if "registry" in one["source"])
    return registry


def fetch(url: str, accept: str = "*/*") -> bytes:
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - the index is the user's own choice
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        data: bytes = answer.read()
    return data


def newest_wheel(files: list[dict[str, Any]]) -> dict[str, Any]:
    wanted = re.compile(rf"uv-(\d+)\.(\d+)\.(\d+)-py3-none-manylinux.*_{platform.machine()}.*\.whl")
    wheels = [
        ([int(part) for part in match.groups()], file)
        for file in files
        if (match := wanted.fullmatch(file["filename"])) and not file.get("yanked")
    ]
    if not wheels:
        sys.exit(f"the index has no uv for {platform.machine()}")
    return max(wheels, key=lambda wheel: wheel[0])[1]


def main(directory: Path) -> None:
    page = index().rstrip("/") + "/uv/"
    wheel = newest_wheel(json.loads(fetch(page, SIMPLE))["files"])
    data = fetch(urljoin(page, wheel["url"]))
    if hashlib.sha256(data).hexdigest() != wheel["hashes"]["sha256"]:
        sys.exit(f"{wheel['filename']} is not what the index says it is")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        [inside] = [name for name in archive.namelist() if name.endswith("/scripts/uv")]
        program = directory / "bin" / "uv"
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(archive.read(inside))
        program.chmod(0o755)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except OSError as error:
        sys.exit(f"{index()} cannot be reached: {error}")
