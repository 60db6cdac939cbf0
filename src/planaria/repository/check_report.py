"""Wrong a check found: everything wrong, by the name of its object."""

from dataclasses import dataclass, field
from typing import Literal

from planaria.core.errors import DamagedData, RepositoryRefused
from planaria.core.instant import Instant

Wrong = Literal["missing", "damaged", "unproven", "unknown"]


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing wrong. `unproven`: no key here opens it; `unknown`: no part of the format explains its name."""

    object: str
    component: str
    """Empty: the repository's own."""
    kind: Wrong
    detail: str


@dataclass(slots=True)
class Report:
    """`seconds` that the check took; `bytes_read` of objects whose content was proven.

    `oldest_unread`: when the longest-unread of what `--read` covers was last read, or written if it never was; None:
    there is nothing of the kind. `remembered`: an earlier check was there to compare with.
    """

    findings: list[Damage] = field(default_factory=list)
    objects: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """Objects, by what they are (`layout.Wrong`)."""
    bytes_read: int = 0
    seconds: float = 0.0
    oldest_unread: Instant | None = None
    remembered: bool = False
    condemned: int = 0
    """Damaged packs that were marked, so that the next base stores what they held again."""
    _found: set[tuple[str, Wrong]] = field(default_factory=set)
    _unread: set[str] = field(default_factory=set)

    @property
    def unread(self) -> int:
        """Objects that the budget did not reach, or that no key here opens."""
        return len(self._unread)

    def left(self, name: str) -> None:
        self._unread.add(name)

    def found(self, kind: Wrong, component: str, name: str, detail: str) -> None:
        """The first detail about an object stands."""
        if (name, kind) not in self._found:
            self._found.add((name, kind))
            self.findings.append(Damage(name, component, kind, detail))

    def damaged(self, component: str, error: DamagedData | RepositoryRefused, name: str = "") -> None:
        kind: Wrong = "unproven" if isinstance(error, RepositoryRefused) else "damaged"
        self.found(kind, component, name or getattr(error, "object_name", ""), error.message)

    def has(self, kind: Wrong) -> bool:
        return any(one.kind == kind for one in self.findings)
