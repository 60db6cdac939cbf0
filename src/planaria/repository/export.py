"""A base as plain files, without a driver: content under its own path, the rest in `planaria-entries.jsonl`."""

import os
from pathlib import Path, PurePosixPath

from planaria.core.base import Entry
from planaria.core.errors import DamagedData, SafetyRefusal
from planaria.repository.base_reader import BaseReader
from planaria.repository.sealed import canonical

ENTRIES = "planaria-entries.jsonl"


def export(base: BaseReader, target: Path) -> tuple[int, int]:
    """(files, bytes) written and fsynced. Raises SafetyRefusal unless `target` is new or empty, DamagedData."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SafetyRefusal(f"{target} is not empty", hint="name a new directory")
    target.mkdir(parents=True, exist_ok=True)
    contents = []
    with (target / ENTRIES).open("xb") as entries:
        for entry in base.entries():
            entries.write(canonical({"path": entry.path, "size": entry.size, "meta": dict(entry.meta)}) + b"\n")
            path = target / _safe(entry, base)
            if entry.meta.get("kind") == "directory":
                path.mkdir(parents=True, exist_ok=True)
            elif entry.meta.get("kind") in (None, "file"):
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    file.truncate(entry.size)
                contents.append(entry)
        entries.flush()
        os.fsync(entries.fileno())

    def write(entry: Entry, offset: int, piece: memoryview) -> None:
        descriptor = os.open(target / entry.path, os.O_WRONLY)
        try:
            os.pwrite(descriptor, piece, offset)
        finally:
            os.close(descriptor)

    base.scatter(contents, write)
    for entry in contents:
        with (target / entry.path).open("rb") as written:
            os.fsync(written.fileno())
    return len(contents), sum(entry.size for entry in contents)


def _safe(entry: Entry, base: BaseReader) -> PurePosixPath:
    path = PurePosixPath(entry.path)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise DamagedData(f"base {base.id} holds the unsafe path {entry.path!r}", object_name=base.record.name)
    return path
