"""Where a journal stands. Positions of one lineage are ordered; positions of two are not comparable."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Position:
    """`offset` counts bytes (Redis, PostgreSQL) or entries of the journal named by `lineage`."""

    lineage: str
    offset: int

    def __str__(self) -> str:
        return f"{self.lineage}:{self.offset}"

    def reaches(self, other: "Position") -> bool:
        """Is this position at or after `other`? False across lineages."""
        return self.lineage == other.lineage and self.offset >= other.offset
