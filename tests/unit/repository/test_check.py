"""The check as a whole: what it covers, in whose turn, what it remembers, and what it does not take for damage."""

import json
from pathlib import Path

import blake3
import pytest

from planaria.core.errors import DamagedData, Failed, StoreRefused, StoreUnavailable, UnknownName
from planaria.core.instant import SECOND, Instant
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState, load_state
from planaria.repository.checking import components, run_check
from planaria.repository.condemned import condemned
from planaria.repository.index import Index, Location, make_run
from planaria.repository.key_admin import rotate
from planaria.repository.layout import component_of, what_is
from planaria.repository.recipients import new_identity
from planaria.repository.records import get_record, seal_record
from planaria.repository.repository import create
from planaria.repository.sealed import INDEX_KEY_ID, Kind, canonical, parse_header
from planaria.storage.contract import Bytes
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded
from tests.support.small_repository import FILES, REDIS, Builder, Small, bases_back, check, small

IN_TURN = ("pack", "segment", "bundle")


@pytest.fixture
def whole(tmp_path: Path) -> Small:
    return small(tmp_path / "spool")


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def named(report: Report) -> set[tuple[str, str]]:
    return {(one.object, one.kind) for one in report.findings}


def test_it_counts_what_is_there_and_reads_every_byte_of_it(whole: Small) -> None:
    report = check(whole.opened(whole.store()))
    assert report.objects == len(whole.objects) == sum(report.counts.values())
    assert report.bytes_read == sum(len(data) for name, data in whole.objects.items() if what_is(name) in IN_TURN)
    assert (report.unread, report.findings) == (0, [])


def test_without_read_it_reads_journals_once_and_no_pack(whole: Small) -> None:
    repository, state = whole.opened(whole.store()), CheckState()
    journals = sum(len(data) for name, data in whole.objects.items() if what_is(name) in ("segment", "bundle"))
    assert check(repository, read=False, state=state).bytes_read == journals
    assert check(repository, read=False, state=state).bytes_read == 0


def test_a_budget_covers_everything_in_turns(whole: Small) -> None:
    repository, state = whole.opened(whole.store()), CheckState()
    turns = [name for name in whole.objects if what_is(name) in IN_TURN]
    unread, rounds = len(turns), 0
    while unread:
        rounds += 1
        whole.clock.advance(86400)
        report = run_check(
            repository, read=True, budget_seconds=200, state=state, progress=lambda *_: whole.clock.advance(60)
        )
        assert report.findings == []
        assert report.unread > 0
        left = sum(state.read_at(name) is None for name in turns)
        assert left < unread
        unread = left
    assert 1 < rounds < len(turns)


def test_what_was_read_longest_ago_comes_first(whole: Small) -> None:
    repository, state = whole.opened(whole.store()), CheckState()
    check(repository, state=state)
    turns = [name for name in whole.objects if what_is(name) in IN_TURN]
    for number, name in enumerate(turns):
        state.was_read(name, Instant((1000 + (number * 7) % len(turns)) * SECOND))
    first = min(turns, key=lambda name: state.read_at(name) or 0)
    report = run_check(repository, read=True, budget_seconds=0, state=state, progress=lambda *_: None)
    assert report.bytes_read == len(whole.objects[first])
    assert report.unread == len(turns) - 1
    assert report.oldest_unread == Instant(1001 * SECOND)


def test_the_age_of_what_was_never_read_counts_from_when_it_was_written(whole: Small) -> None:
    store, state = whole.store(), CheckState()
    written = whole.clock.now()
    whole.clock.advance(3600)
    report = check(whole.opened(store), read=False, state=state)
    assert report.oldest_unread == written
    assert check(whole.opened(store), state=state).oldest_unread == whole.clock.now()


def test_a_damaged_object_is_read_first_again_until_it_is_whole(whole: Small) -> None:
    repository, state = whole.opened(whole.store()), CheckState()
    check(repository, state=state)
    broken = next(name for name in whole.objects if what_is(name) == "bundle")
    damaged = whole.opened(whole.store({**whole.objects, broken: flipped(whole.objects[broken])}))
    for _ in range(2):
        report = run_check(damaged, read=True, state=state, progress=lambda *_: None)
        assert (broken, "damaged") in named(report)
        assert state.read_at(broken) is None


def test_progress_counts_bytes_to_the_end(whole: Small) -> None:
    told: list[tuple[str, int, int | None]] = []
    run_check(whole.opened(whole.store()), read=True, state=CheckState(), progress=lambda *it: told.append(it))
    assert [what for what, _, _ in told] == ["reading"] * len(told)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1] == told[-1][2]


def test_one_component_at_a_time_and_a_name_that_is_none(whole: Small) -> None:
    broken = next(name for name in whole.objects if name.startswith(FILES) and what_is(name) == "pack")
    store = whole.store({**whole.objects, broken: flipped(whole.objects[broken])})
    assert components(whole.opened(store)) == [FILES, REDIS]

    def of(name: str) -> Report:
        return run_check(
            whole.opened(store), components=[name], read=True, state=CheckState(), progress=lambda *_: None
        )

    assert of(REDIS).findings == []
    assert of(REDIS).counts["key"] == sum(what_is(name) == "key" for name in whole.objects)
    assert (broken, "damaged") in named(of(FILES))
    with pytest.raises(UnknownName, match="did you mean 'redis'"):
        of("reddis")


def test_nothing_to_check_is_no_success(whole: Small) -> None:
    clock = ManualClock()
    empty = create(MemoryStore(clock), clock, seeded(5), [new_identity(seeded(6))[1]])
    with pytest.raises(Failed, match="nothing to check"):
        check(empty, read=False)


@pytest.mark.parametrize(
    "stray",
    [
        "notes.txt",
        "files/README",
        "files/bases/latest",
        "files/packs/ab/0011",
        "files/index/0/not-hexadecimal",
        "redis/journal/f00dfeed/latest",
        "keys/repository/README.txt",
        "probe/left-behind",
        "old-backup/redis/dump.rdb",
        "recovery-kit/2/read.py",
        "recovery-kit/1/read.sh",
    ],
)
def test_what_nobody_knows_is_reported_and_breaks_nothing(whole: Small, stray: str) -> None:
    store = whole.store({**whole.objects, stray: b"what is this"})
    repository = whole.opened(store)
    report = check(repository)
    assert named(report) == {(stray, "unknown")}
    assert components(repository) == [FILES, REDIS]
    assert dict(bases_back(repository, FILES))
    Builder(repository, whole.clock, Path("/nonexistent")).base(FILES, {"a": b"a"}, {}, {})


def test_an_unreachable_store_is_not_taken_for_damage(whole: Small) -> None:
    class Away(MemoryStore):
        away = ""

        def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
            if self.away and what_is(name) == self.away:
                raise StoreUnavailable("the network went away")
            return super().get(name, start, length)

    store = Away(whole.clock)
    for name, data in whole.objects.items():
        store.put(name, data)
    repository = whole.opened(store)
    for kind in ("receipt", "base", "index", "lease", "pack", "segment", "bundle", "run", "mark", "kit", "root"):
        store.away = kind
        with pytest.raises(StoreUnavailable):
            check(repository)


def test_what_a_damaged_pack_held_is_stored_again_and_the_repository_heals(whole: Small, tmp_path: Path) -> None:
    oldest = min(name for name in whole.expected.bases if name.startswith(FILES))
    largest = max(
        (name for name in whole.objects if name.startswith(f"{FILES}/packs")), key=lambda one: len(whole.objects[one])
    )
    store = whole.store({**whole.objects, largest: flipped(whole.objects[largest])})
    repository = whole.opened(store)
    assert check(repository).condemned == 1
    assert bytes.fromhex(largest.rpartition("/")[2]) in condemned(repository, FILES)
    for read in (False, True):
        again = check(repository, read=read)
        assert (largest, "damaged") in named(again)
        assert again.condemned == 0
    Builder(repository, whole.clock, tmp_path).base(FILES, whole.expected.bases[oldest], {}, {})
    assert check(repository).findings == []
    back = dict(bases_back(repository, FILES))
    assert {name: back[name] for name in whole.expected.bases if name.startswith(FILES)} == {
        name: content for name, content in whole.expected.bases.items() if name.startswith(FILES)
    }


def test_a_damaged_key_condemns_no_pack(whole: Small) -> None:
    packs = {name: parse_header(data, name).key_id for name, data in whole.objects.items() if what_is(name) == "pack"}
    key_id = next(key_id for key_id in packs.values() if key_id != INDEX_KEY_ID)
    key = next(name for name in whole.objects if name.startswith(f"keys/{key_id}/"))
    report = check(whole.opened(whole.store({**whole.objects, key: flipped(whole.objects[key])})))
    assert named(report) == {(key, "damaged")}
    assert report.condemned == 0


def test_a_base_taken_away_with_its_receipt_is_missed_by_the_one_after_it(whole: Small) -> None:
    first, second, _ = (name for name in whole.objects if name.startswith(f"{FILES}/bases/"))
    for name in (first, second):
        digest = blake3.blake3(whole.objects[name]).hexdigest()
        facts = {
            one: get_record(whole.opened(whole.store()), component_of(one), Kind.LEASE, one).facts
            for one in whole.objects
            if what_is(one) == "receipt"
        }
        (receipt,) = [one for one, said in facts.items() if said["hash"] == digest]
        store = whole.store({one: data for one, data in whole.objects.items() if one not in (name, receipt)})
        assert (name, "missing") in named(check(whole.opened(store), read=False))


def test_a_base_that_says_more_than_its_manifest_holds_is_named(whole: Small) -> None:
    repository = whole.opened(whole.store())
    name = max(name for name in whole.objects if name.startswith(f"{FILES}/bases/"))
    record = get_record(repository, FILES, Kind.BASE, name)
    fields = json.loads(record.parts[0])
    for change in ({}, {"files": fields["files"] + 1}, {"bytes_logical": fields["bytes_logical"] + 1}):
        told = canonical(fields | change)
        data = seal_record(repository, FILES, Kind.BASE, name, record.facts, (told,))
        objects = {**whole.objects, name: data}
        (finding,) = check(whole.opened(whole.store(objects)), read=False).findings
        assert (finding.object, "not the object that was committed" in finding.detail) == (name, True)
        alone = {one: kept for one, kept in objects.items() if what_is(one) != "receipt"}
        findings = check(whole.opened(whole.store(alone)), read=False).findings
        assert [(one.object, "does not add up" in one.detail) for one in findings] == [(name, True)] * bool(change)


def test_a_host_that_may_only_read_still_names_a_damaged_pack(whole: Small) -> None:
    class ReadOnly(MemoryStore):
        sealed = False

        def put(self, name: str, data: Bytes) -> None:
            if self.sealed:
                raise StoreRefused("read-only")
            super().put(name, data)

    for broken in (name for name in whole.objects if what_is(name) == "pack"):
        store = ReadOnly(whole.clock)
        for name, data in whole.objects.items():
            store.put(name, flipped(data) if name == broken else data)
        store.sealed = True
        report = check(whole.opened(store))
        assert (broken, "damaged") in named(report)
        assert report.condemned == 0


def test_a_key_that_is_not_ours_leaves_its_objects_unproven(whole: Small, tmp_path: Path) -> None:
    store = whole.store()
    rotate(whole.opened(store), [new_identity(seeded(9))[1]])
    before = {info.name for info in store.list("keys/")}
    Builder(whole.write_only(store), whole.clock, tmp_path).base(FILES, {"new": b"n" * 100}, {}, {})
    (key,) = {info.name for info in store.list("keys/")} - before
    report = check(whole.opened(store))
    assert named(report) == {(key.rpartition("/")[0], "unproven")}
    assert report.unread == 1
    assert check(whole.opened(store), read=False).findings == []


def test_the_report_says_each_thing_once() -> None:
    report = Report()
    for _ in range(2):
        report.damaged("redis", DamagedData("x is damaged", object_name="x"))
    report.found("missing", "redis", "x", "x is missing")
    assert [one.kind for one in report.findings] == ["damaged", "missing"]


def test_a_check_remembers_by_way_of_its_file(whole: Small, tmp_path: Path) -> None:
    path = tmp_path / "state" / "check.json"
    first = check(whole.opened(whole.store()), state=load_state(path))
    assert not first.remembered
    newest = max(name for name in whole.objects if name.startswith("files/bases/"))
    gone = {newest, *(name for name in whole.objects if what_is(name) == "receipt")}
    store = whole.store({name: data for name, data in whole.objects.items() if name not in gone})
    assert (newest, "missing") not in named(check(whole.opened(store)))
    for _ in range(2):  # it is not forgotten by being said
        again = check(whole.opened(store), state=load_state(path))
        assert again.remembered
        assert {(name, "missing") for name in gone} <= named(again)


def test_what_was_seen_is_kept_when_a_check_is_cut_short(whole: Small, tmp_path: Path) -> None:
    def interrupted(what: str, done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "check.json"
    with pytest.raises(KeyboardInterrupt):
        run_check(whole.opened(whole.store()), read=True, state=load_state(path), progress=interrupted)
    assert [name for name in whole.objects if load_state(path).read_at(name) is not None]


def test_a_state_that_cannot_be_used_is_an_empty_one_and_one_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    path = tmp_path / "check.json"
    for text in ("", "[]", "{}", '{"read": {"x": "y"}, "seen": {}, "journals": {}}', "[" * 100_000):
        path.write_text(text)
        assert load_state(path) == CheckState(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="could not be kept"):
        CheckState(tmp_path / "file" / "check.json").save()
    with pytest.raises(Failed, match="cannot be read"):
        load_state(tmp_path)


def test_a_state_survives_its_file(tmp_path: Path) -> None:
    state = CheckState(tmp_path / "check.json")
    state.was_read("a", Instant(5))
    assert state.lost("redis", {"a", "b"}) == []
    state.journals["c"] = [1, 2, "3"]
    state.save()
    again = load_state(tmp_path / "check.json")
    assert again.remembers
    assert again.read_at("a") == 5
    assert again.lost("redis", {"a"}) == ["b"]
    assert again.journals == {"c": [1, 2, "3"]}


def test_a_chunk_that_lies_in_two_packs_is_read_from_the_one_that_can_be_relied_on() -> None:
    chunk, bad, good = b"c" * 32, Location(b"b" * 32, 5, 60), Location(b"g" * 32, 7, 60)
    runs = [make_run(name, [(chunk, where)]) for name, where in (("one", bad), ("two", good))]
    for order in (runs, runs[::-1]):
        index = Index(tuple(order), frozenset({bad.pack}))
        assert (index.find(chunk), index.holds(chunk)) == (good, True)
    alone = Index((runs[0],), frozenset({bad.pack}))
    assert (alone.find(chunk), alone.holds(chunk)) == (bad, False)
