"""Following components in the foreground: a thread each, and one that compacts what they leave behind."""

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from planaria.core.errors import Interrupted, PlanariaError, SafetyRefusal, UsageError
from planaria.drivers import registry
from planaria.repository.compaction import compact, sweep
from planaria.service.environment import Environment

COMPACT_EVERY = 60.0
"""Seconds."""
POLL = 0.2
"""Seconds until an ending thread is noticed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How following a component came to an end: None, it was asked to."""

    component: str
    error: BaseException | None


def follow(environment: Environment, components: Sequence[str]) -> list[Ended]:
    """Until `host.stopping`; all that was read is durable on return. One that fails for good ends alone, aloud.

    `components`: as `followed` gives them. Raises SafetyRefusal where another follower is at work.
    """
    ended: list[Ended] = []
    threads = [
        threading.Thread(target=_follow_one, args=(environment, name, ended), name=f"follow-{name}", daemon=True)
        for name in components
    ]
    done = threading.Event()
    compacting = threading.Thread(target=_compact, args=(environment, components, done), name="compact", daemon=True)
    with _alone(environment, components):
        for thread in (*threads, compacting):
            thread.start()
        while any(thread.is_alive() for thread in threads):
            environment.host.clock.sleep(POLL)
        done.set()
        compacting.join()
    return ended


def followed(environment: Environment, names: tuple[str, ...]) -> list[str]:
    """Those named, or all that have a journal. Raises UnknownName, UsageError."""
    chosen = [name for name in environment.selected(names) if _has_journal(environment, name)]
    without = [name for name in names if name not in chosen]
    if without or not chosen:
        which = ", ".join(without) or "none of these components"
        raise UsageError(f"{which}: no journal to follow", hint="planaria backup takes bases of those without one")
    return chosen


def _has_journal(environment: Environment, component: str) -> bool:
    return registry.capabilities(environment.settings.components[component].driver).journal


def _follow_one(environment: Environment, component: str, ended: list[Ended]) -> None:
    error: BaseException | None = None
    try:
        with environment.archive(component) as archive:
            environment.driver(component).follow(archive)
    except Interrupted:
        error = None
    except BaseException as failure:  # noqa: BLE001 - whoever called `follow` finds it in what it returns
        error = failure
        environment.host.warn(f"Following {component} has ended: {failure}")
    ended.append(Ended(component, error))


def _compact(environment: Environment, components: Sequence[str], done: threading.Event) -> None:
    """Compaction is housekeeping: what goes wrong is said once, and tried again."""
    failing: set[str] = set()
    while not done.wait(COMPACT_EVERY):
        for component in components:
            trouble = _compacted(environment, component)
            if trouble is not None and component not in failing:
                environment.host.warn(f"The journal of {component} cannot be compacted: {trouble}")
            if trouble is None and component in failing:
                environment.host.warn(f"The journal of {component} is compacted again.")
            (failing.discard if trouble is None else failing.add)(component)


def _compacted(environment: Environment, component: str) -> str | None:
    """What went wrong first. A segment that cannot be bundled keeps nothing from being swept."""
    trouble: str | None = None
    for work in (compact, sweep):
        try:
            work(environment.repository, component, environment.limits.cache)
        except PlanariaError as error:
            trouble = trouble or error.message
    return trouble


@contextmanager
def _alone(environment: Environment, components: Sequence[str]) -> Iterator[None]:
    """One follower a component on this host: two would share a spool. Raises SafetyRefusal."""
    folder = environment.directories.state / "follow"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = [(name, (folder / f"{name}.lock").open("ab")) for name in components]
    try:
        for name, file in files:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SafetyRefusal(
                    f"{name} is followed by another process on this host", hint="stop that one first"
                ) from None
        yield
    finally:
        for _, file in files:
            file.close()
