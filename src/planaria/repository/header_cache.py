"""Headers of journal objects, kept on this host (SQLite): object name → header bytes, to be believed anew each time."""

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 2.0
"""Seconds to wait for another process that writes to the same cache."""
_TABLE = "CREATE TABLE IF NOT EXISTS headers (name TEXT PRIMARY KEY, header BLOB NOT NULL) WITHOUT ROWID"


@dataclass(frozen=True, slots=True)
class HeaderCache:
    """`path` None: nothing is kept. A cache that cannot be used costs time and nothing else, so it raises nothing."""

    path: Path | None

    def get(self) -> dict[str, bytes]:
        """All of it."""
        if self.path is None or not self.path.exists():
            return {}
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection:
                return dict(connection.execute("SELECT name, header FROM headers"))
        except sqlite3.OperationalError:  # locked, or not to be opened
            return {}
        except sqlite3.DatabaseError:  # damaged: it is made again
            self.path.unlink(missing_ok=True)
            return {}

    def update(self, new: Mapping[str, bytes], gone: Iterable[str]) -> None:
        """In one short transaction."""
        rows = [(name,) for name in gone]
        if self.path is None or not (new or rows):
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as connection, connection:
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute(_TABLE)
                connection.executemany("INSERT OR REPLACE INTO headers VALUES (?, ?)", new.items())
                connection.executemany("DELETE FROM headers WHERE name = ?", rows)
        except (sqlite3.Error, OSError):  # full, read-only or busy: what it lacks is read again
            return
