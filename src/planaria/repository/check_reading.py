"""Reading everything back: fetched, decrypted, decoded and hashed, by turns.

What was not read for longest comes first, so that a budget each night covers everything in time.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import blake3

from planaria.core.errors import DamagedData, ObjectMissing, RepositoryRefused, Unavailable
from planaria.core.instant import Instant
from planaria.repository.base_reader import PackReader
from planaria.repository.check import Structure
from planaria.repository.check_journals import Link, journal_infos, prove, remember
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState
from planaria.repository.codec import Decoder
from planaria.repository.condemned import condemn
from planaria.repository.index import Location
from planaria.repository.layout import what_is
from planaria.repository.repository import Repository
from planaria.repository.sealed import SlotKind, parse_header, slots
from planaria.storage.contract import ObjectInfo

AT_ONCE = 2
"""Objects in memory at once: one is fetched while another is decrypted."""
IN_TURN = ("pack", "segment", "bundle")
Progress = Callable[[str, int, int | None], None]


@dataclass(frozen=True, slots=True)
class Turn:
    component: str
    info: ObjectInfo

    @property
    def pack(self) -> bytes | None:
        """Its digest, if it is one."""
        return _digest(self.info) if what_is(self.info.name) == "pack" else None


def _digest(info: ObjectInfo) -> bytes:
    return bytes.fromhex(info.name.rpartition("/")[2])


def turns(repository: Repository, components: Iterable[str], state: CheckState) -> list[Turn]:
    """All that is read in turn, the longest unread first."""
    found: list[Turn] = []
    for name in components:
        packs = [info for info in repository.store.list(f"{name}/packs/") if what_is(info.name) == "pack"]
        own = [*packs, *journal_infos(repository, name)]
        state.forget(f"{name}/", {info.name for info in own})
        found += (Turn(name, info) for info in own)
    return sorted(found, key=lambda turn: (state.read_at(turn.info.name) or 0, turn.info.name))


def read_in_turn(
    repository: Repository,
    found: Mapping[str, Structure],
    report: Report,
    state: CheckState,
    go_on: Callable[[], bool],
    progress: Progress,
) -> None:
    """While `go_on`, and one object at least. Packs found damaged are marked: writers store again what they held."""
    packs = {name: PackReader(repository, name) for name in found}
    due = [turn for turn in turns(repository, found, state) if turn.pack not in found[turn.component].settled]
    damaged: dict[str, set[bytes]] = {name: set() for name in found}
    total, done = sum(turn.info.size for turn in due), 0

    def work(turn: Turn) -> tuple[int, list[Link] | None]:
        if turn.pack is not None:
            return read_pack(turn.info, packs[turn.component]), None
        return prove(repository, turn.component, turn.info, read=True)

    for turn, outcome in _ahead(work, due, go_on):
        if outcome is None:
            report.left(turn.info.name)
            continue
        try:
            _take(turn, outcome.result(), report, state, repository.clock.now())
        except DamagedData as error:
            report.damaged(turn.component, error)
            state.forget(turn.info.name, ())  # so that the next check begins with it
            if turn.pack is not None and error.object_name == turn.info.name:  # not its key
                damaged[turn.component].add(turn.pack)
        except RepositoryRefused as error:
            report.left(turn.info.name)
            if not report.has("unproven"):  # `check_keys` has named the key
                report.damaged(turn.component, error, turn.info.name)
        except ObjectMissing:
            continue  # swept: its bundle has its turn
        done += turn.info.size
        progress("reading", done, total)
    for component, broken in damaged.items():
        _condemn(repository, component, broken & (found[component].indexed - found[component].marked), report)


def _take(turn: Turn, read: "Read", report: Report, state: CheckState, now: Instant) -> None:
    size, links = read
    report.bytes_read += size
    state.was_read(turn.info.name, now)
    if links is not None:
        remember(state, turn.info, links)


def read_pack(info: ObjectInfo, packs: PackReader) -> int:
    """A pack, read whole: name, seal, slots, chunk ids. How many bytes. Raises DamagedData, RepositoryRefused."""
    name, pack = info.name, _digest(info)
    data = packs.fetch(pack, 0, info.size + 1)
    if blake3.blake3(data).digest() != pack:
        raise DamagedData(f"{name} is damaged: its content does not match its name", object_name=name)
    view, decoder, opener = memoryview(data), Decoder(), packs.opener(pack)
    for slot in slots(view, parse_header(data, name).end, name):
        part = view[slot.offset :]
        if slot.kind is SlotKind.END:
            opener.open(slot, part)
        else:
            packs.chunk(slot.chunk_id, Location(pack, slot.offset, slot.size), part, decoder)
    return len(data)


Read = tuple[int, list[Link] | None]


def _ahead(
    work: Callable[[Turn], Read], due: Iterable[Turn], go_on: Callable[[], bool]
) -> Iterator[tuple[Turn, Future[Read] | None]]:
    """Every turn with its outcome, in order; None once `go_on` has said no. The first is read whatever it says."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check") as pool:
        flying: deque[tuple[Turn, Future[Read]]] = deque()
        first = True
        try:
            for turn in due:
                if not (first or go_on()):
                    yield turn, None
                    continue
                first = False
                flying.append((turn, pool.submit(work, turn)))
                if len(flying) > AT_ONCE:
                    yield flying.popleft()
            while flying:
                yield flying.popleft()
        finally:
            for _, future in flying:
                future.cancel()


def _condemn(repository: Repository, component: str, packs: set[bytes] | frozenset[bytes], report: Report) -> None:
    """A host that may only read cannot mark them; the report names them all the same."""
    if packs:
        try:
            condemn(repository, component, packs, "planaria check --read found them damaged")
        except Unavailable:
            return
        report.condemned += len(packs)
