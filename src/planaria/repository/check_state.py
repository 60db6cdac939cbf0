"""What earlier checks read and saw, kept on this host: the rotation by which everything is read in time, and a memory
that an older state of the repository, put back, cannot have."""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planaria.core.errors import Failed
from planaria.core.instant import Instant


@dataclass(slots=True)
class CheckState:
    """A missing or unreadable file is an empty state: everything counts as unread, and `remembers` is False.

    `journals`: what `check_journals` found in each journal object, under its name.
    """

    path: Path | None = None
    remembers: bool = False
    journals: dict[str, list[Any]] = field(default_factory=dict)
    _read: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, list[str]] = field(default_factory=dict)

    def read_at(self, name: str) -> Instant | None:
        """When an object was last read whole; None: never."""
        at = self._read.get(name)
        return None if at is None else Instant(at)

    def was_read(self, name: str, at: Instant) -> None:
        self._read[name] = at

    def lost(self, component: str, present: Collection[str]) -> list[str]:
        """Lasting objects of a component that an earlier check saw and that are not `present`. Remembers these."""
        seen = set(self._seen.get(component, []))
        self._seen[component] = sorted(seen | set(present))
        return sorted(seen - set(present))

    def forget(self, prefix: str, present: Collection[str]) -> None:
        """When what is no longer there was read."""
        for name in [name for name in self._read if name.startswith(prefix) and name not in present]:
            del self._read[name]

    def journals_of(self, prefixes: Iterable[str]) -> dict[str, list[Any]]:
        wanted = tuple(prefixes)
        return {name: kept for name, kept in self.journals.items() if name.startswith(wanted)}

    def save(self) -> None:
        """Whole or not at all. Raises Failed."""
        if self.path is None:
            return
        beside = self.path.with_suffix(".new")
        fields = {"read": self._read, "seen": self._seen, "journals": self.journals}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w") as file:
                json.dump(fields, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            raise Failed(
                f"what this check saw could not be kept in {self.path}: {error.strerror}",
                hint="without it the next check begins anew, and cannot tell what was taken away",
            ) from error


def load_state(path: Path | None) -> CheckState:
    """Raises Failed when the file is there and may not be read."""
    if path is None:
        return CheckState()
    try:
        fields = json.loads(path.read_bytes())
        read = {str(name): int(at) for name, at in fields["read"].items()}
        seen = {str(name): [str(one) for one in names] for name, names in fields["seen"].items()}
        journals = {str(name): list(kept) for name, kept in fields["journals"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return CheckState(path)
    except OSError as error:
        raise Failed(f"what earlier checks saw cannot be read: {path}: {error.strerror}") from error
    return CheckState(path, True, journals, read, seen)
