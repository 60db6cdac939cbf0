"""Secrets that are typed, and files that hold them: readable by their owner only, never written over."""

import os
import sys
from pathlib import Path

from planaria.core.errors import ConfigurationError, SafetyRefusal, UsageError

LARGEST = 64 * 1024


def write_new(path: Path, text: str, mode: int) -> None:
    """A new file, durable. Raises SafetyRefusal when there is one, ConfigurationError when it cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    except FileExistsError:
        raise SafetyRefusal(f"{path} exists already", hint="move it away, or name another file") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}", hint="name another place") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_secret(path: Path, text: str) -> None:
    """As `write_new`, with a final newline, for its owner only."""
    write_new(path, text + "\n", 0o600)


def read_secret(path: Path) -> str:
    """Raises UsageError, which names the file and never what is in it."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UsageError(f"{path} is too large to be a secret", hint="name the file that holds it")
        return data.decode()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="name the file that holds it") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text", hint="name the file that holds it") from None


def ask_passphrase(*, twice: bool = False) -> str:
    """Typed unseen at a terminal, `twice` to be sure; else the first line of standard input. Raises UsageError."""
    if sys.stdin is None or not sys.stdin.isatty():
        text = sys.stdin.readline().rstrip("\n") if sys.stdin is not None else ""
        if not text:
            raise UsageError("there is no passphrase on standard input", hint="printf %s … | planaria keys …")
        return text
    from getpass import getpass

    text = getpass("Passphrase: ", stream=sys.stderr)
    if not text or (twice and getpass("Once more: ", stream=sys.stderr) != text):
        raise UsageError("the passphrase is empty, or not the same both times", hint="try again")
    return text
