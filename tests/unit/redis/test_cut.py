"""Where a journal is cut for an instant, a position or its end, and what is replayed up to there."""

import pytest

from planaria.core.base import BaseFacts
from planaria.core.errors import ComponentRefused
from planaria.core.instant import Instant
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery
from planaria.drivers.redis.cut import Stretch, last_safe
from planaria.drivers.redis.replay import Replay
from planaria.drivers.redis.resp import encode_command
from planaria.drivers.redis.walker import Place
from tests.support.memory_archive import MemoryArchive, MemoryJournal

A, B = encode_command(b"SET", b"a", b"1"), encode_command(b"SET", b"b", b"2")
MULTI, EXEC = encode_command(b"MULTI"), encode_command(b"EXEC")
SELECT = encode_command(b"SELECT", b"0")
START = 100


def journal(*arrivals: tuple[int, bytes], segment: int = 64) -> MemoryJournal:
    """Each piece of bytes with the instant at which it arrived."""
    made = MemoryJournal(segment)
    made.begin(Position("l", START), Instant(0), {}, exact=True, reason="")
    for at, data in arrivals:
        made.append(data, Instant(at))
    return made


def stretch(view: MemoryJournal, until: Instant | Position | None) -> Stretch:
    return Stretch(view, Position("l", START), until, Place(START, 0), Instant(0))


def read(one: Stretch) -> bytes:
    return b"".join(part.data for part in one)


@pytest.mark.parametrize(("at", "count"), [(9, 0), (10, 1), (19, 1), (20, 2), (29, 2), (30, 3), (99, 3)])
@pytest.mark.parametrize("segment", [1, 40, 10_000])
def test_an_instant_takes_what_had_arrived_by_then(at: int, count: int, segment: int) -> None:
    view = journal((10, A), (20, B), (30, A), segment=segment)
    one = stretch(view, Instant(at))
    assert read(one) == (A + B + A)[: len(A) * count]
    assert one.end == START + len(A) * count
    assert one.at == at


def test_a_position_is_reached_at_the_arrival_that_holds_it() -> None:
    one = stretch(journal((10, A), (20, B)), Position("l", START + len(A) + 1))
    assert read(one) == A + B[:1]
    assert one.at == 20


def test_the_end_is_as_far_as_there_is() -> None:
    one = stretch(journal((10, A), (20, B)), None)
    assert read(one) == A + B
    assert one.at == 20


def test_the_place_to_walk_from_is_the_newest_hint_at_or_before_the_end() -> None:
    view = MemoryJournal(1)
    view.begin(Position("l", START), Instant(0), {}, exact=True, reason="")
    for number, at in enumerate((10, 20, 30)):
        view.append(A, Instant(at), {"safe": START + len(A) * (number + 1), "db": number})
    one = stretch(view, Instant(25))
    read(one)
    assert one.place == Place(START + 2 * len(A), 1)


def test_a_hint_behind_the_end_is_no_place_to_walk_from() -> None:
    view = MemoryJournal()
    view.begin(Position("l", START), Instant(0), {}, exact=True, reason="")
    view.append(A, Instant(10))
    view.append(B, Instant(20), {"safe": START + len(A + B), "db": 0})
    one = stretch(view, Instant(15))
    assert read(one) == A
    assert one.place == Place(START, 0)


def test_walking_finds_the_last_end_outside_a_transaction() -> None:
    data = A + MULTI + B
    assert last_safe(Place(START, 0), iter([data[:5], data[5:]])).offset == START + len(A)
    assert last_safe(Place(START, 0), iter([data + EXEC])).offset == START + len(data + EXEC)


def replayed(view: MemoryJournal, version: str = "7.2.0", only: tuple[str, ...] = ()) -> tuple[bytes, Replay]:
    source = {"kind": "redis", "version": version, "streams": {MAIN: {"stream_db": 0}}}
    facts = BaseFacts({MAIN: Position("l", START)}, Instant(0), source, {})
    base = MemoryArchive().begin_base()
    base.committed = facts
    replay = Replay(Recovery(base, {MAIN: view}, None, only, latest=True), MAIN, facts.positions[MAIN], facts.at)
    return b"".join(replay), replay


@pytest.mark.parametrize("segment", [1, 17, 1000])
def test_a_transaction_that_is_cut_is_left_out_whole(segment: int) -> None:
    data, replay = replayed(journal((1, A), (2, MULTI + B), (3, B[:7]), segment=segment))
    assert data == SELECT + A
    assert replay.position.offset == START + len(A)
    data, replay = replayed(journal((1, A), (2, MULTI + B), (3, EXEC), segment=segment))
    assert data == SELECT + A + MULTI + B + EXEC
    assert replay.position.offset == START + len(A + MULTI + B + EXEC)


def test_relative_expiries_become_what_they_meant_when_they_arrived() -> None:
    expire = encode_command(b"PEXPIRE", b"a", b"500")
    view = journal((1_000_000, A), (7_000_000, expire), segment=1)
    assert replayed(view, "6.2.14")[0] == SELECT + A + encode_command(b"PEXPIREAT", b"a", b"7500")
    assert replayed(view, "7.0.0")[0] == SELECT + A + expire


def test_chosen_keys_only() -> None:
    data, replay = replayed(journal((1, A + B + A)), only=("key:b",))
    assert data.endswith(B)
    assert A not in data
    assert replay.position.offset == START + len(A + B + A)


def test_what_mixes_chosen_keys_with_others_is_refused() -> None:
    mixed = encode_command(b"SUNIONSTORE", b"b", b"a", b"c")
    with pytest.raises(ComponentRefused, match="the keys asked for cannot be told from others"):
        replayed(journal((1, mixed)), only=("key:b",))
