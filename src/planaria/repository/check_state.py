"""What earlier checks read and saw, kept on this host: the rotation by which everything is read in time."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from planaria.core.instant import Instant


@dataclass(slots=True)
class CheckState:
    """A missing or unreadable file is an empty state: then everything counts as unread."""

    path: Path | None = None
    _read: dict[str, int] = field(default_factory=dict)
    _bases: dict[str, list[str]] = field(default_factory=dict)

    def read_at(self, name: str) -> Instant:
        return Instant(self._read.get(name, 0))

    def was_read(self, name: str, at: Instant) -> None:
        self._read[name] = at

    def bases(self, component: str) -> set[str]:
        return set(self._bases.get(component, []))

    def saw_bases(self, component: str, names: list[str]) -> None:
        self._bases[component] = sorted({*self.bases(component), *names})

    def oldest(self, names: list[str]) -> Instant:
        """When the longest-unread of these was read; 0: never."""
        return min((self.read_at(name) for name in names), default=Instant(0))

    def save(self) -> None:
        """Whole or not at all."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        with beside.open("w") as file:
            json.dump({"read": self._read, "bases": self._bases}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)


def load_state(path: Path | None) -> CheckState:
    if path is None:
        return CheckState()
    try:
        fields = json.loads(path.read_bytes())
        read = {str(name): int(at) for name, at in fields["read"].items()}
        bases = {str(name): [str(one) for one in names] for name, names in fields["bases"].items()}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return CheckState(path)
    return CheckState(path, read, bases)
