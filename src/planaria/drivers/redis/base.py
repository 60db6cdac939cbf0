"""A base: the RDB that a full resynchronisation sends, verified in flight, and beside it what no RDB holds.

Files: `dump.rdb` and `config/…`; in a cluster each below its stream's name, `<stream>/dump.rdb`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from planaria.core.base import BaseFacts, CommittedBase, Entry, Json
from planaria.core.errors import ComponentRefused, ComponentUnavailable, Interrupted, PlanariaError, SafetyRefusal
from planaria.core.instant import SECOND, Instant
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Archive, BaseSink, JournalTail, Surroundings
from planaria.drivers.redis import psync
from planaria.drivers.redis.capture import announced, captured, keys_per_db, kind_and_version, numbers
from planaria.drivers.redis.client import Commands, Info
from planaria.drivers.redis.discover import Shard, chosen
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.follow import Ready, Want
from planaria.drivers.redis.link import Link
from planaria.drivers.redis.rdb import RdbCheck, RdbError
from planaria.drivers.redis.source import Source

START = Instant(0)


@dataclass(slots=True)
class Taken:
    """What reading the shards has brought so far."""

    at: Instant = START
    positions: dict[str, Position] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    keys: dict[str, Json] = field(default_factory=dict)
    broke: dict[str, str] = field(default_factory=dict)


def prefix(stream: str) -> str:
    """In front of the paths of one stream's files."""
    return "" if stream == MAIN else f"{stream}/"


def take_base(
    archive: Archive,
    source: Source,
    shards: Mapping[str, Shard],
    surroundings: Surroundings,
    wants: Sequence[Want] = (),
) -> CommittedBase:
    """Reads every shard in turn and commits. A follower in `wants` gets its link back as soon as its RDB has been read.

    Raises ComponentUnavailable, ComponentRefused, SafetyRefusal (slots are moving), Interrupted; nothing is kept then.
    """
    waiting = {want.stream: want for want in wants}
    taken = Taken()
    sink: BaseSink | None = None
    try:
        _settled(shards)
        sink = archive.begin_base()
        for stream, shard in shards.items():
            reader = _Reader(archive, source, surroundings, sink, taken, stream, waiting.pop(stream, None))
            reader.read(chosen(source, shard))
        return sink.commit(_facts(taken, shards, source))
    except PlanariaError as error:
        for want in waiting.values():
            refuse(want, error)
        raise
    finally:
        if sink is not None:
            sink.abandon()


def refuse(want: Want, error: PlanariaError) -> None:
    """There will be no base for this follower now: it may ask again, unless it is being stopped."""
    if want.link is not None:
        want.link.close()
    again = ComponentUnavailable(f"there is no base of {want.stream}: {error.message}", hint=error.hint)
    want.given.put(error if isinstance(error, (Interrupted, ComponentRefused)) else again)


def _settled(shards: Mapping[str, Shard]) -> None:
    moving = [slot for shard in shards.values() for slot in shard.moving]
    if moving:
        raise SafetyRefusal(
            f"slots are being moved between shards ({', '.join(moving[:3])}): a base now could hold keys twice",
            hint="wait for the resharding to end, or end it with `redis-cli --cluster fix`",
        )


def _facts(taken: Taken, shards: Mapping[str, Shard], source: Source) -> BaseFacts:
    """The oldest shard's version speaks for all, and each shard has its own facts."""
    first = min(taken.sources.values(), key=lambda one: numbers(one["version"]))
    facts: dict[str, Json] = {name: first[name] for name in ("kind", "version", "rdb_version", "rdb_magic")}
    facts["cluster"] = source.cluster
    facts["streams"] = taken.sources
    facts["nodes"] = {stream: list(shard.names) for stream, shard in shards.items()}
    facts["slots"] = {stream: [list(pair) for pair in shard.slots] for stream, shard in shards.items()}
    return BaseFacts(taken.positions, taken.at, facts, {"keys": taken.keys}, taken.broke)


@dataclass(slots=True)
class _Reader:
    """Reads one shard into the sink."""

    archive: Archive
    source: Source
    surroundings: Surroundings
    sink: BaseSink
    taken: Taken
    stream: str
    want: Want | None

    def read(self, endpoint: Endpoint) -> None:
        link: Link | None = None
        handed = False
        try:
            endpoint = self.want.link.endpoint if self.want and self.want.link else endpoint
            with Commands(endpoint, self.source.access) as commands:
                server = commands.info("server")
                link, answer = self._linked(endpoint, server)
                at = self.surroundings.clock.now()  # the state is that of the fork, a moment ago
                replication = commands.info("replication")
                keyspace = commands.info("keyspace")
                check = self._dump(link)
                position = Position(self._lineage(answer, replication), answer.offset)
                if self.want is not None:
                    self.want.given.put(Ready(link, answer.replid, position, check.stream_db or 0))
                    handed = True
                self._note(commands, server, answer, check)
            self.taken.at = max(self.taken.at, at)
            self.taken.positions[self.stream] = position
            self.taken.keys[self.stream] = keys_per_db(keyspace)
            if self.want is not None and self.want.reason is not None:
                self.taken.broke[self.stream] = self.want.reason
        except PlanariaError as error:
            if self.want is not None and not handed:
                refuse(self.want, error)
            raise
        finally:
            if link is not None and not handed:
                link.close()

    def _linked(self, endpoint: Endpoint, server: Info) -> tuple[Link, psync.FullResync]:
        if self.want is not None and self.want.link is not None and self.want.answer is not None:
            return self.want.link, self.want.answer
        link = Link(
            endpoint,
            self.source.access,
            self.surroundings.clock,
            self.surroundings.stopping,
            version=announced(server),
            silence=self.source.silence,
        )
        try:
            answer = link.start()
            if not isinstance(answer, psync.FullResync):
                raise ComponentUnavailable(f"{endpoint} did not answer a full resynchronisation")
        except PlanariaError:
            link.close()
            raise
        return link, answer

    def _dump(self, link: Link) -> RdbCheck:
        check = RdbCheck()
        self.sink.stream(Entry(f"{prefix(self.stream)}dump.rdb", 0), self._checked(link, check))
        return check

    def _checked(self, link: Link, check: RdbCheck) -> Iterator[bytes]:
        """The RDB's bytes on their way, of which the last is only given if all are right."""
        told: list[int | None] = [None]
        done = 0
        try:
            for piece in link.rdb(lambda size: told.__setitem__(0, size)):
                check.feed(piece)
                done += len(piece)
                self.surroundings.progress(f"dump of {self.stream}", done, told[0])
                yield piece
            check.finish()
        except RdbError as error:
            raise ComponentUnavailable(
                f"the dump of {self.stream} arrived damaged: {error}", hint="try again; see the server's log and memory"
            ) from error

    def _lineage(self, answer: psync.FullResync, replication: Info) -> str:
        tail = self.archive.tail(self.stream)
        lineage = lineage_of(tail, answer, replication)
        if self.want is None or tail is None or lineage != tail.position.lineage:
            return lineage
        older = answer.offset < tail.position.offset  # the same name, yet older: a machine set back to a snapshot
        return f"{answer.replid}-{self.surroundings.clock.now():x}" if older else lineage

    def _note(self, commands: Commands, server: Info, answer: psync.FullResync, check: RdbCheck) -> None:
        """The files beside the RDB, and the facts that a restore must know."""
        found = captured(commands, cluster=bool(self.source.cluster))
        for path, content in found.files.items():
            self.sink.stream(Entry(prefix(self.stream) + path, len(content)), iter((content,)))
        for path, why in found.refused.items():
            self.surroundings.warn(f"{path} could not be captured: {why}")
        kind, version = kind_and_version(server)
        self.taken.sources[self.stream] = {
            "kind": kind,
            "version": version,
            "address": str(commands.endpoint),
            "replid": answer.replid,
            "rdb_version": check.version,
            "rdb_magic": check.magic,
            "stream_db": check.stream_db or 0,
            "skew_us": self._skew(commands),
            "refused": found.refused,
        }

    def _skew(self, commands: Commands) -> int | None:
        """The source's clock minus ours, in microseconds; None when it may not be asked."""
        before = self.surroundings.clock.now()
        try:
            seconds, micros = (int(one) for one in commands.ask("TIME"))
        except ComponentRefused:
            return None
        return seconds * SECOND + micros - (before + self.surroundings.clock.now()) // 2


def lineage_of(tail: JournalTail | None, answer: psync.FullResync, replication: Info) -> str:
    """The journal's own lineage where the source's history is still the journal's, else the source's replication id.

    A promoted replica has a new id, and names the old one with the offset up to which both are the same
    (`master_replid2`, `second_repl_offset`: the first offset that is not).
    """
    if tail is None:
        return answer.replid
    known = tail.source.get("replid")
    if known == answer.replid:
        return tail.position.lineage
    until = int(replication.get("second_repl_offset", "-1"))
    if known == replication.get("master_replid2") and tail.position.offset < until <= answer.offset + 1:
        return tail.position.lineage
    return answer.replid
