"""The laws that every driver keeps, as functions that the tests run against a real source and a real repository.

A law is a function of a `Stage`: it raises `Broken` saying what did not hold. Some laws do their work in a child
process, to measure or to kill it, so the function that sets the stage must be picklable and may be called again.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

from planaria.core.clock import Clock
from planaria.core.errors import Failed, Interrupted, PlanariaError, SafetyRefusal, Unavailable
from planaria.drivers.contract import Archive, CommittedBase, Driver, Recovery, Surroundings, Target

HUGE = 400 << 20
MEMORY = 200 << 20
"""Bytes that taking or restoring a base of any size may add to what a process needs anyway."""
_MIDDLE = 8 << 20
"""Bytes after which a base is stopped, or killed."""
PATIENCE = 120.0
"""Seconds for a child process to show life."""


class Broken(Failed):
    """A driver breaks a law."""


class World(Protocol):
    """A source that the laws may do anything to, and places to restore it to."""

    incremental: bool
    """Does an unchanged source give an unchanged base?"""

    def populate(self) -> None:
        """A little of everything that the source can hold."""
        ...

    def mutate(self) -> None:
        """Change, add and remove something of it."""
        ...

    def wipe(self) -> None:
        """Nothing in it any more."""
        ...

    def enlarge(self, size: int) -> None:
        """At least `size` bytes in it, that do not all look alike."""
        ...

    def driver(self, surroundings: Surroundings) -> Driver: ...

    def wrong(self, surroundings: Surroundings) -> Mapping[str, Driver]:
        """Drivers that cannot work, by what is wrong: the place, the password, a right."""
        ...

    def target(self) -> Target:
        """A new place that is empty."""
        ...

    def dirty(self) -> Target:
        """A new place that holds something of somebody's."""
        ...

    def untouched(self, target: Target) -> bool:
        """Does the place that `dirty` made hold what it held?"""
        ...

    def proof(self, driver: Driver, target: Target) -> str:
        """The fingerprint of what was restored there, with a server started on it where it takes one."""
        ...


class Desk(Protocol):
    """The component's place in a repository."""

    def archive(self) -> AbstractContextManager[Archive]: ...

    def bases(self) -> Sequence[str]:
        """Ids of what is committed, oldest first."""
        ...

    def recovery(self) -> Recovery:
        """The newest base."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    world: World
    desk: Desk
    clock: Clock


Sets = Callable[[], Stage]
"""Sets the stage; in another process it finds there what was set before."""


@dataclass(slots=True)
class _Watched:
    """Surroundings that remember, and that stop after so many bytes."""

    clock: Clock
    stop_after: int | None = None
    tell: Callable[[int], None] = lambda done: None
    done: int = 0
    warnings: list[str] = field(default_factory=list)

    def surroundings(self) -> Surroundings:
        return Surroundings(self.clock, self._progress, self.warnings.append, self._stopping)

    def _progress(self, what: str, done: int, total: int | None) -> None:
        self.done = max(self.done, done)
        self.tell(done)

    def _stopping(self) -> bool:
        return self.stop_after is not None and self.done >= self.stop_after


def _require(held: bool, what: str) -> None:
    if not held:
        raise Broken(what)


def _driver(stage: Stage) -> Driver:
    return stage.world.driver(_Watched(stage.clock).surroundings())


def _base(stage: Stage) -> CommittedBase:
    with stage.desk.archive() as archive:
        return _driver(stage).base(archive)


def _restored(stage: Stage) -> str:
    """The fingerprint of the newest base, restored to a new place."""
    driver, target = _driver(stage), stage.world.target()
    _require(bool(driver.plan(stage.desk.recovery(), target)), "a plan says nothing of what will be done")
    restored = driver.restore(stage.desk.recovery(), target)
    failed = [check.detail for check in restored.checks if not check.ok]
    _require(not failed, f"a restore of an untouched base finds fault: {failed}")
    return stage.world.proof(driver, target)


def round_trip(sets: Sets) -> None:
    """What is restored is what was there."""
    stage = sets()
    stage.world.populate()
    committed, before = _base(stage), _driver(stage).fingerprint(None)
    _require(committed.bytes_logical > 0, "a base of a populated source holds no bytes")
    _require(_restored(stage) == before, "what was restored differs from the source")


def newest_base_wins(sets: Sets) -> None:
    """A base holds the source as it was, whatever was there in bases before."""
    stage = sets()
    stage.world.populate()
    _base(stage)
    first = _driver(stage).fingerprint(None)
    stage.world.mutate()
    second = _driver(stage).fingerprint(None)
    _require(first != second, "the fingerprint does not tell a changed source from an unchanged one")
    _base(stage)
    _require(_restored(stage) == second, "the second base does not restore to what the source held")


def empty(sets: Sets) -> None:
    """An empty source is a base too."""
    stage = sets()
    stage.world.wipe()
    _base(stage)
    _require(_restored(stage) == _driver(stage).fingerprint(None), "an empty source does not come back empty")


def unchanged_costs_nothing(sets: Sets) -> None:
    """A second base after no change stores next to nothing."""
    stage = sets()
    stage.world.populate()
    stage.world.enlarge(8 << 20)
    first, second = _base(stage), _base(stage)
    if stage.world.incremental:
        limit = first.bytes_stored // 20 + (64 << 10)
        _require(second.bytes_stored < limit, f"a base of an unchanged source stored {second.bytes_stored} bytes")
    _require(_restored(stage) == _driver(stage).fingerprint(None), "a base of an unchanged source differs from it")


def cancelled(sets: Sets) -> None:
    """Stopped in the middle: Interrupted, and nothing of it in the repository."""
    stage = sets()
    stage.world.populate()
    _base(stage)
    before = _driver(stage).fingerprint(None)
    bases = list(stage.desk.bases())
    stage.world.enlarge(32 << 20)
    watched = _Watched(stage.clock, stop_after=_MIDDLE)
    try:
        with stage.desk.archive() as archive:
            stage.world.driver(watched.surroundings()).base(archive)
    except Interrupted:
        pass
    else:
        raise Broken("a base that was asked to stop did not raise Interrupted")
    _require(list(stage.desk.bases()) == bases, "a base that was stopped is in the repository")
    _require(_restored(stage) == before, "the base before the one that was stopped does not restore")


def wrong_place(sets: Sets) -> None:
    """What cannot work is refused in words, with what to do, and leaves nothing behind."""
    stage = sets()
    stage.world.populate()
    wrong = stage.world.wrong(_Watched(stage.clock).surroundings())
    _require(bool(wrong), "the world knows nothing that can be wrong")
    for what, driver in wrong.items():
        failing = [finding for finding in driver.probe() if not finding.ok]
        _require(bool(failing), f"{what}: probe finds nothing wrong")
        _require(all(finding.fix for finding in failing), f"{what}: a finding does not say what to do")
        try:
            with stage.desk.archive() as archive:
                driver.base(archive)
        except Unavailable as error:
            _require(bool(error.hint), f"{what}: the error does not say what to do")
        except PlanariaError as error:
            raise Broken(f"{what}: {error.code} is not the status of a source that cannot be had") from error
        else:
            raise Broken(f"{what}: a base was taken all the same")
    _require(not stage.desk.bases(), "a source that cannot be had left a base")


def probe(sets: Sets) -> None:
    """All is well with a source that works; whatever is not says what to do."""
    stage = sets()
    stage.world.populate()
    findings = _driver(stage).probe()
    _require(bool(findings), "probe looks at nothing")
    _require(all(one.ok or one.fix for one in findings), "a finding does not say what to do")
    _require(any(one.ok for one in findings), "probe finds nothing well with a source that works")


def dirty_target(sets: Sets) -> None:
    """A target that holds something is refused, by the plan as by the restore, and left alone."""
    stage = sets()
    stage.world.populate()
    _base(stage)
    driver, target = _driver(stage), stage.world.dirty()
    for verb in (driver.plan, driver.restore):
        try:
            verb(stage.desk.recovery(), target)
        except SafetyRefusal as error:
            _require(bool(error.hint), "the refusal does not say what to do")
        else:
            raise Broken(f"{verb.__name__} accepts a target that holds something")
        _require(stage.world.untouched(target), f"{verb.__name__} touched a target that it refused")


def killed(sets: Sets) -> None:
    """SIGKILL in the middle of a base: the one before is whole, and the next works."""
    stage = sets()
    stage.world.populate()
    _base(stage)
    before, bases = _driver(stage).fingerprint(None), list(stage.desk.bases())
    stage.world.enlarge(32 << 20)
    with _Child(_base_until_killed, sets) as child:
        _require(child.hears() == _MIDDLE, "a base ended before it could be killed")
        child.kill()
    _require(list(stage.desk.bases()) == bases, "a base that was killed is in the repository")
    _require(_restored(stage) == before, "the base before the one that was killed does not restore")
    _base(stage)
    _require(_restored(stage) == _driver(stage).fingerprint(None), "after a kill, the next base is not whole")


def huge(sets: Sets) -> None:
    """Memory does not grow with the source."""
    stage = sets()
    stage.world.enlarge(HUGE)
    for work in (_base_measured, _restore_measured):
        with _Child(work, sets) as child:
            grown = child.hears()
        _require(grown < MEMORY, f"{grown >> 20} MiB of memory for {HUGE >> 20} MiB of data")


LAWS: Mapping[str, Callable[[Sets], None]] = {
    law.__name__: law
    for law in (
        round_trip,
        newest_base_wins,
        empty,
        unchanged_costs_nothing,
        cancelled,
        wrong_place,
        probe,
        dirty_target,
        killed,
        huge,
    )
}


class _Child:
    """`work(pipe, sets)` in a process of its own, gone for sure when the `with` ends."""

    def __init__(self, work: Callable[[Connection, Sets], None], sets: Sets) -> None:
        context = multiprocessing.get_context("spawn")
        self._ear, mouth = context.Pipe(duplex=False)
        self._process = context.Process(target=work, args=(mouth, sets), daemon=True)
        self._process.start()
        mouth.close()

    def __enter__(self) -> "_Child":
        return self

    def hears(self) -> int:
        if not self._ear.poll(PATIENCE):
            raise Broken(f"a child process said nothing for {PATIENCE} seconds")
        try:
            return int(self._ear.recv())
        except EOFError:
            raise Broken("a child process ended without a word: see its traceback") from None

    def kill(self) -> None:
        if self._process.pid is not None:
            os.kill(self._process.pid, signal.SIGKILL)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._process.join(PATIENCE)
        self._process.kill()
        self._process.join()
        self._process.close()
        self._ear.close()


def _base_until_killed(mouth: Connection, sets: Sets) -> None:
    """Holds still in the middle, to be killed there."""
    stage = sets()
    told = False

    def tell(done: int) -> None:
        nonlocal told
        if done >= _MIDDLE:
            if not told:
                told = True
                mouth.send(_MIDDLE)
            threading.Event().wait(PATIENCE)

    with stage.desk.archive() as archive:
        stage.world.driver(_Watched(stage.clock, tell=tell).surroundings()).base(archive)
    mouth.send(_MIDDLE + 1)


def _base_measured(mouth: Connection, sets: Sets) -> None:
    stage = sets()
    before = _most_memory()
    _base(stage)
    mouth.send(_most_memory() - before)


def _restore_measured(mouth: Connection, sets: Sets) -> None:
    stage = sets()
    before = _most_memory()
    _driver(stage).restore(stage.desk.recovery(), stage.world.target())
    mouth.send(_most_memory() - before)


def _most_memory() -> int:
    """Bytes; of this program alone, where `getrusage` would count the one that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
