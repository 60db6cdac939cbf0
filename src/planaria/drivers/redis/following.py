"""Following a whole component: one follower a stream, and a base wherever one is missing."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, Queue

from planaria.core.errors import ComponentUnavailable, Interrupted, PlanariaError, SafetyRefusal, StoreUnavailable
from planaria.drivers.contract import Archive, Surroundings
from planaria.drivers.redis.base import refuse, take_base
from planaria.drivers.redis.discover import Shard, by_stream, chosen, settled, shards
from planaria.drivers.redis.endpoint import Endpoint
from planaria.drivers.redis.follow import Ended, Follower, Want
from planaria.drivers.redis.source import Source

LOOK = 10.0
"""Seconds between two looks at a cluster's shards."""
AGAIN = 5.0
"""Seconds before a base that could not be taken is tried again."""
GATHER = 0.5
"""Seconds after the first follower has asked for a base in which others may ask for the same one."""
_PASSING = (ComponentUnavailable, StoreUnavailable, SafetyRefusal)


def known_streams(archive: Archive, source: Source) -> dict[str, list[str]]:
    """Stream → the nodes that its shard had when the newest base was taken."""
    if not source.cluster:
        return {}
    sink = archive.begin_base()
    nodes = sink.previous.facts.source.get("nodes", {}) if sink.previous is not None else {}
    sink.abandon()
    return {stream: list(names) for stream, names in nodes.items()}


@dataclass(slots=True)
class Following:
    """`run` once. Followers keep their journals going while a base is taken by this thread."""

    archive: Archive
    source: Source
    surroundings: Surroundings
    _events: "Queue[Want | Ended]" = field(default_factory=Queue)
    _followers: dict[str, Follower] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _shards: dict[str, Shard] = field(default_factory=dict)
    _nodes: dict[str, list[str]] = field(default_factory=dict)
    _naming: threading.Lock = field(default_factory=threading.Lock)
    _lacking: bool = False
    """A base is needed that no follower waits for."""
    _failed: bool = False
    _moving: bool = False

    def run(self) -> None:
        """Returns when stopping, everything durable. Raises what ended a follower, when all have ended."""
        self._await_servers()
        ended: BaseException | None = None
        try:
            with contextlib.suppress(Interrupted):
                self._attend()
        finally:
            self._failed = True
            ended = self._end()
        if ended is not None:
            raise ended

    def _stopping(self) -> bool:
        return self._failed or self.surroundings.stopping()

    def _await_servers(self) -> None:
        """The servers' names, to be known before anything can begin."""
        warned = False
        while not self.surroundings.stopping():
            try:
                self.source = settled(self.source)
                self._nodes = known_streams(self.archive, self.source)
                self._shards = self._named()
                return
            except ComponentUnavailable as error:
                if not warned:
                    self.surroundings.warn(f"waiting for the servers: {error.message}")
                warned = True
                self._pause(1.0)

    def _attend(self) -> None:
        for stream in self._shards:
            self._follow(stream)
        self._lacking = not self._covered()
        clock = self.surroundings.clock
        look, due = clock.monotonic() + LOOK, clock.monotonic() + 1.0
        while not self._stopping():
            wants = self._wanted(0.1)
            if wants or (self._lacking and clock.monotonic() >= due):
                self._base(wants)
                due = clock.monotonic() + AGAIN
            if self.source.cluster and clock.monotonic() >= look:
                look = clock.monotonic() + LOOK
                self._look()

    def _covered(self) -> bool:
        """Does the newest base go with the journals there are? A base may have failed after its journal began."""
        tails = {stream: self.archive.tail(stream) for stream in self._shards}
        present = {stream: tail for stream, tail in tails.items() if tail is not None}
        if not present:
            return True  # every follower asks for its base itself
        sink = self.archive.begin_base()
        newest = sink.previous.facts.positions if sink.previous is not None else {}
        sink.abandon()
        for stream, tail in present.items():
            position = newest.get(stream)
            begun = int(tail.source.get("begun", 0))
            if position is None or position.lineage != tail.position.lineage or position.offset < begun:
                return False
        for stream in present:
            self._followers[stream].protected.set()
        return True

    def _follow(self, stream: str) -> None:
        follower = Follower(
            stream,
            self.source,
            self.archive,
            self.surroundings,
            self._servers(stream),
            self._stopping,
            self._events,
        )
        self._followers[stream] = follower
        self._threads.append(follower.start())

    def _servers(self, stream: str) -> Callable[[], tuple[Endpoint, Endpoint]]:
        def servers() -> tuple[Endpoint, Endpoint]:
            now = self._named() if self._dynamic() else self._shards
            shard = now.get(stream)
            if shard is None:
                raise ComponentUnavailable(f"no server of the cluster holds {stream} now")
            return chosen(self.source, shard), shard.master

        return servers

    def _named(self) -> dict[str, Shard]:
        """Asks who holds what now. Any follower's thread."""
        found = shards(self.source)
        with self._naming:
            now = by_stream(found, self._nodes)
            self._nodes |= {stream: list(shard.names) for stream, shard in now.items()}
        return now

    def _dynamic(self) -> bool:
        """May the servers change under their names?"""
        return self.source.cluster or self.source.prefer_replica or self.source.address.service is not None

    def _wanted(self, timeout: float) -> list[Want]:
        """Every follower that waits for a base. Raises what ended one."""
        wants = []
        try:
            event = self._events.get(timeout=timeout)
            until = self.surroundings.clock.monotonic() + (GATHER if len(self._followers) > 1 else 0.0)
            while True:
                if isinstance(event, Want):
                    wants.append(event)
                elif event.error is not None:
                    for want in wants:
                        refuse(want, Interrupted("another stream failed"))
                    raise event.error
                event = self._events.get(timeout=max(0.0, until - self.surroundings.clock.monotonic()))
        except Empty:
            return wants

    def _base(self, wants: list[Want]) -> None:
        self._lacking = True
        try:
            take_base(self.archive, self.source, self._shards, self.surroundings, wants)
        except _PASSING as error:
            self.surroundings.warn(f"there is no new base: {error.message}; it is tried again")
            return
        self._lacking = False
        for follower in self._followers.values():
            follower.protected.set()

    def _look(self) -> None:
        """New shards are followed, and have a base taken; slots on the move are said."""
        try:
            now = self._named()
        except PlanariaError:
            return  # its followers say what is wrong
        moving = any(shard.moving for shard in now.values())
        if moving and not self._moving:
            self.surroundings.warn("slots are being moved between shards: a recovery to this time may hold keys twice")
        self._moving = moving
        self._shards = now
        for stream in now:
            if stream not in self._followers:
                self._follow(stream)

    def _pause(self, seconds: float) -> None:
        until = self.surroundings.clock.monotonic() + seconds
        while not self._stopping() and (left := until - self.surroundings.clock.monotonic()) > 0:
            self.surroundings.clock.sleep(min(left, 0.1))

    def _end(self) -> BaseException | None:
        """Joins every follower; the first error among them."""
        failure: BaseException | None = None
        while any(thread.is_alive() for thread in self._threads) or not self._events.empty():
            try:
                event = self._events.get(timeout=0.1)
            except Empty:
                continue
            if isinstance(event, Want):
                refuse(event, Interrupted("stopped before there was a base"))
            elif failure is None:
                failure = event.error
        for thread in self._threads:
            thread.join()
        return failure
