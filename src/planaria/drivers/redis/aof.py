"""The multi-part append-only file of Redis 7 and Valkey: names, and the manifest that says what to load. No IO.

`appendonlydir/appendonly.aof.manifest` has a line for each file: `file NAME seq N type b|i|h` (base, incremental,
history), names quoted where they hold blanks (redis/redis src/aof.c: aofLoadManifestFromFile).
"""

import re
from dataclasses import dataclass

DIRECTORY = "appendonlydir"
FILE_NAME = "appendonly.aof"
TYPES = {"b": "base", "i": "incr", "h": "history"}

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|([^\s"\']\S*)')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "a": "\a"}


@dataclass(frozen=True, slots=True)
class AofFile:
    """`type`: `b`, `i` or `h`."""

    name: str
    seq: int
    type: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """At most one base, and incremental files in the order in which they are loaded."""

    files: tuple[AofFile, ...]

    @property
    def base(self) -> AofFile | None:
        return next((file for file in self.files if file.type == "b"), None)

    @property
    def increments(self) -> tuple[AofFile, ...]:
        return tuple(file for file in self.files if file.type == "i")

    def text(self) -> str:
        """As a server reads it."""
        return "".join(f"file {_quoted(file.name)} seq {file.seq} type {file.type}\n" for file in self.files)


def restored(prefix: str = FILE_NAME) -> Manifest:
    """An RDB as the base, and one replication stream as the increment behind it."""
    return Manifest((AofFile(f"{prefix}.1.base.rdb", 1, "b"), AofFile(f"{prefix}.1.incr.aof", 1, "i")))


def manifest_name(prefix: str = FILE_NAME) -> str:
    return f"{prefix}.manifest"


def server_options(prefix: str = FILE_NAME, directory: str = DIRECTORY) -> dict[str, str]:
    """What a server's configuration must say to load it, with `dir` set to where `directory` lies."""
    return {"appendonly": "yes", "appendfilename": prefix, "appenddirname": directory}


def parse(text: str) -> Manifest:
    """Raises ValueError naming the line. Words that are not known (newer servers write offsets) are passed over."""
    files: list[AofFile] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = _words(line)
        values = dict(zip(words[::2], words[1::2], strict=False))
        name, seq, type = (values.get(key, "") for key in ("file", "seq", "type"))
        if len(words) % 2 or not name or "/" in name or not seq.isdigit() or type not in TYPES:
            raise ValueError(f"line {number} of the manifest is not `file NAME seq N type b|i|h`")
        if type == "b" and any(file.type == "b" for file in files):
            raise ValueError(f"line {number} of the manifest names a second base")
        if type == "i" and any(file.type == "i" and file.seq >= int(seq) for file in files):
            raise ValueError(f"line {number} of the manifest is out of order")
        files.append(AofFile(name, int(seq), type))
    return Manifest(tuple(files))


def _words(line: str) -> list[str]:
    return [
        re.sub(r"\\(.)", _unescaped, match[1]) if match[1] is not None else match[2] for match in _WORD.finditer(line)
    ]


def _unescaped(match: "re.Match[str]") -> str:
    return _ESCAPES.get(match[1], match[1])


def _quoted(name: str) -> str:
    if re.fullmatch(r"[!#-&(-\[\]-~]+", name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
