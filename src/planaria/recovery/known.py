"""What the repository holds of one component, read once: its bases, its journals, and what is wrong with either."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planaria.core.errors import DamagedData
from planaria.core.instant import Instant
from planaria.core.windows import BasePoint, Reach, Span, end_of, reach
from planaria.repository.bases import BaseRecord, all_bases
from planaria.repository.journal_catalogue import Catalogue, load
from planaria.repository.repository import Repository


@dataclass(frozen=True, slots=True)
class Known:
    """`bases` oldest first, the readable ones; `spans` per stream, in journal order."""

    component: str
    bases: tuple[BaseRecord, ...]
    catalogue: Catalogue
    spans: Mapping[str, Sequence[Span]]
    damage: tuple[DamagedData, ...]

    @property
    def points(self) -> list[BasePoint]:
        return [BasePoint(one.id, one.facts.at, one.facts.positions, one.facts.broke) for one in self.bases]

    def reach(self) -> Reach:
        return reach(self.points, self.spans)

    def newest(self) -> Instant | None:
        """The newest instant that can be brought back: the end of the newest base's journals."""
        return max((self.end(one) for one in self.points), default=None)

    def end(self, base: BasePoint) -> Instant:
        """The instant up to which every journal goes on from `base`."""
        ends = [end_of(start, self.spans.get(stream, ()))[1] for stream, start in base.positions.items()]
        return max(base.at, min(at or base.at for at in ends)) if ends else base.at


def known(repository: Repository, component: str, cache: Path | None) -> Known:
    """Raises errors of the store; damaged objects are named in `damage` and left out."""
    bases, damage = all_bases(repository, component)
    catalogue = load(repository, component, cache)
    return Known(component, tuple(bases), catalogue, catalogue.streams(), (*damage, *catalogue.damage))
