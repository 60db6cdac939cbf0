"""A journal made ready to be executed: up to the cut, in pieces that end outside MULTI…EXEC. No IO of its own.

As it is, or with only the chosen keys, or (from sources before Redis 7.0) with expiries that no longer depend on when
they are read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from planaria.core.errors import ComponentRefused, DamagedData
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import Recovery
from planaria.drivers.redis.capture import numbers
from planaria.drivers.redis.cut import Stretch
from planaria.drivers.redis.intake import ANY_BULK
from planaria.drivers.redis.patterns import selection
from planaria.drivers.redis.resp import Command, CommandParser, ProtocolError, encode_command
from planaria.drivers.redis.stream import CannotSplit, StreamFilter
from planaria.drivers.redis.ttl import absolute
from planaria.drivers.redis.walker import Place, Walker

Rewrite = Callable[[Command, int], bytes]
"""A command that arrived at so many milliseconds of the Unix epoch → what is executed instead."""


def whole(recovery: Recovery) -> bool:
    """Is there a journal to replay?"""
    return recovery.until is not None or recovery.latest


def stretch_of(recovery: Recovery, stream: str) -> Stretch:
    """The journal behind the base, as far as the recovery goes."""
    facts = recovery.base.facts
    start = facts.positions[stream]
    db = int(facts.source["streams"][stream]["stream_db"])
    until = recovery.until
    limit = until if isinstance(until, int) or until is None else until[stream]
    return Stretch(recovery.journals[stream], start, limit, Place(start.offset, db), facts.at)


def rewrite_of(recovery: Recovery, stream: str) -> Rewrite | None:
    """None: the stream can be executed byte for byte. Raises UsageError."""
    source = recovery.base.facts.source
    if recovery.only:
        db = int(source["streams"][stream]["stream_db"])
        return StreamFilter(selection(recovery.only), db=db).take
    if source["kind"] == "redis" and numbers(source["version"]) < (7,):
        return lambda command, at_ms: encode_command(*absolute(command.args, at_ms))
    return None


@dataclass(slots=True)
class Replay:
    """Iterate once; then `position` is the cut, and `at` the instant whose state it is."""

    recovery: Recovery
    stream: str
    position: Position
    at: Instant

    def __iter__(self) -> Iterator[bytes]:
        """Raises DamagedData, ComponentRefused (what `--only` cannot tell apart), PointUnreachable."""
        stretch = stretch_of(self.recovery, self.stream)
        rewrite = rewrite_of(self.recovery, self.stream)
        if stretch.place.db is not None:
            yield encode_command(b"SELECT", b"%d" % stretch.place.db)
        try:
            yield from self._raw(stretch) if rewrite is None else self._rewritten(stretch, rewrite)
        except CannotSplit as error:
            raise ComponentRefused(
                f"the keys asked for cannot be told from others: {error}",
                hint="recover everything, into a directory or an empty server, and copy from there",
            ) from error
        except ProtocolError as error:
            raise DamagedData(f"the journal is no stream of commands: {error}", object_name=self.stream) from error
        self.at = stretch.at

    def _raw(self, stretch: Stretch) -> Iterator[bytes]:
        walker = Walker(stretch.place.offset, db=stretch.place.db, max_bulk=ANY_BULK)
        held = bytearray()
        for part in stretch:
            walker.feed(part.data)
            held += part.data
            ready = len(held) - (walker.offset - walker.safe)
            self.position = Position(self.position.lineage, walker.safe)
            if ready > 0:
                yield bytes(held[:ready])
                del held[:ready]

    def _rewritten(self, stretch: Stretch, rewrite: Rewrite) -> Iterator[bytes]:
        parser = CommandParser(stretch.place.offset)
        held: list[bytes] = []
        inside = False
        for part in stretch:
            for command in parser.feed(part.data):
                held.append(rewrite(command, part.arrived(command.end) // 1000))
                inside = _inside(command, inside)
                if not inside:
                    self.position = Position(self.position.lineage, command.end)
                    yield b"".join(held)
                    held.clear()


def _inside(command: Command, before: bool) -> bool:
    name = command.args[0].upper() if len(command.args) == 1 else b""
    return name == b"MULTI" or (before and name != b"EXEC")
