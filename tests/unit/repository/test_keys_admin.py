"""Adding and rotating recipients, listing keys, trying an identity: truthfully, and repeatable at any point."""

from pathlib import Path

import pytest

from planaria.core.errors import ConfigurationError, Failed, RepositoryRefused, StoreUnavailable
from planaria.repository.key_admin import add_recipient, rotate
from planaria.repository.key_proof import prove_identity
from planaria.repository.layout import what_is
from planaria.repository.recipients import identity_of, new_identity
from planaria.repository.repository import Repository, open_repository
from planaria.repository.sealed_keys import list_keys
from planaria.storage.contract import Bytes
from planaria.storage.memory import MemoryStore
from tests.support.clocks import seeded
from tests.support.small_repository import FILES, REDIS, Small, bases_back, check, journal_back, small

NEW_TEXT, NEW = new_identity(seeded(50))
THIRD_TEXT, THIRD = new_identity(seeded(51))


@pytest.fixture
def whole(tmp_path: Path) -> Small:
    return small(tmp_path)


@pytest.fixture
def store(whole: Small) -> MemoryStore:
    return whole.store()


def as_who(whole: Small, store: MemoryStore, text: str) -> Repository:
    return open_repository(store, whole.clock, seeded(60), identity=identity_of(text))


def key_count(whole: Small) -> int:
    return sum(what_is(name) == "key" for name in whole.objects)


def reads_everything(whole: Small, repository: Repository) -> None:
    for component in (FILES, REDIS):
        for name, content in bases_back(repository, component):
            assert content == whole.expected.bases[name]
    assert journal_back(repository, whole.expected.end) == whole.expected.journal


def test_a_new_recipient_reads_everything_that_was_there(whole: Small, store: MemoryStore) -> None:
    with pytest.raises(RepositoryRefused):
        as_who(whole, store, NEW_TEXT)
    added = add_recipient(whole.opened(store), NEW)
    assert (added.sealed, added.already) == (key_count(whole), 0)
    reads_everything(whole, as_who(whole, store, NEW_TEXT))
    reads_everything(whole, whole.opened(store))
    assert check(as_who(whole, store, NEW_TEXT)).findings == []


def test_a_new_recipient_reads_what_comes(whole: Small, store: MemoryStore) -> None:
    add_recipient(whole.opened(store), NEW)
    key = whole.write_only(store).new_data_key(FILES)
    for text in (whole.identity, NEW_TEXT):
        assert as_who(whole, store, text).data_key(FILES, key.id).secret == key.secret


def test_adding_twice_changes_nothing(whole: Small, store: MemoryStore) -> None:
    add_recipient(whole.opened(store), NEW)
    names = [info.name for info in store.list("")]
    added = add_recipient(whole.opened(store), NEW)
    assert (added.sealed, added.already) == (0, key_count(whole))
    assert [info.name for info in store.list("")] == names


class FailingStore(MemoryStore):
    """Refuses the put that makes `left` zero."""

    left = -1

    def put(self, name: str, data: Bytes) -> None:
        self.left -= 1
        if self.left == 0:
            raise StoreUnavailable("the network went away")
        super().put(name, data)


def test_adding_goes_on_where_it_was_interrupted(whole: Small) -> None:
    for stop in range(1, key_count(whole) + 1):
        store = FailingStore(whole.clock)
        for name, data in whole.objects.items():
            store.put(name, data)
        store.left = stop
        with pytest.raises(StoreUnavailable):
            add_recipient(whole.opened(store), NEW)
        assert add_recipient(whole.opened(store), NEW).sealed == key_count(whole) - stop + 1
        reads_everything(whole, as_who(whole, store, NEW_TEXT))


def test_a_key_that_does_not_open_is_said_and_the_others_are_sealed(whole: Small, store: MemoryStore) -> None:
    broken = next(name for name in whole.objects if what_is(name) == "key" and "repository" not in name)
    store.delete(broken)
    store.put(broken, b"{}")
    with pytest.raises(Failed, match="1 of 8 keys") as caught:
        add_recipient(whole.opened(store), NEW)
    assert broken in caught.value.message
    assert len(list(store.list("keys/"))) == 2 * key_count(whole) - 1


def test_after_a_rotation_the_old_identity_reads_what_was_and_not_what_comes(whole: Small, store: MemoryStore) -> None:
    rotated = rotate(whole.opened(store), [NEW])
    (old,) = whole.recipients
    assert (rotated.recipients, rotated.left) == ((NEW.text,), (old.text,))
    key = whole.write_only(store).new_data_key(FILES)
    reads_everything(whole, as_who(whole, store, NEW_TEXT))
    assert as_who(whole, store, NEW_TEXT).data_key(FILES, key.id).secret == key.secret
    reads_everything(whole, whole.opened(store))  # as the notes say
    with pytest.raises(RepositoryRefused, match="does not open"):
        whole.opened(store).data_key(FILES, key.id)
    said = " ".join(rotated.notes)
    assert "can still read what was written before" in said
    assert "names, sizes and times of what comes" in said
    assert "restart them" in said
    assert "will not read what comes" in said


def test_a_rotation_to_more_than_one_recipient_may_keep_the_old_one(whole: Small, store: MemoryStore) -> None:
    (old,) = whole.recipients
    rotated = rotate(whole.opened(store), [old, NEW])
    assert rotated.left == ()
    assert not any("can still read" in note or "will not read" in note for note in rotated.notes)
    key = whole.write_only(store).new_data_key(FILES)
    for text in (whole.identity, NEW_TEXT):
        assert as_who(whole, store, text).data_key(FILES, key.id).secret == key.secret


def test_a_rotation_holds_when_the_clock_went_back(whole: Small, store: MemoryStore) -> None:
    rotate(whole.opened(store), [NEW])
    whole.clock.jump(-10_000_000)
    rotate(as_who(whole, store, NEW_TEXT), [THIRD])
    assert [one.text for one in whole.write_only(store).recipients] == [THIRD.text]


def test_who_was_rotated_away_can_be_added_again(whole: Small, store: MemoryStore) -> None:
    (old,) = whole.recipients
    rotate(whole.opened(store), [NEW])
    key = whole.write_only(store).new_data_key(FILES)
    add_recipient(as_who(whole, store, NEW_TEXT), old)
    assert whole.opened(store).data_key(FILES, key.id).secret == key.secret
    assert {one.text for one in whole.write_only(store).recipients} == {old.text, NEW.text}


def test_a_rotation_needs_a_recipient_and_an_identity(whole: Small, store: MemoryStore) -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        rotate(whole.opened(store), [])
    with pytest.raises(RepositoryRefused, match="no identity"):
        rotate(whole.write_only(store), [NEW])


def test_keys_are_listed_with_whom_they_are_sealed_to_and_what_they_cover(whole: Small, store: MemoryStore) -> None:
    rotate(whole.opened(store), [NEW])
    whole.write_only(store).new_data_key(FILES)
    listed, damage = list_keys(whole.opened(store))
    assert damage == []
    assert listed[0].id == "repository"
    assert listed[0].covers == "names, sizes and times of everything"
    assert {one.covers for one in listed[1:]} == {
        "one base of files",
        "one base of redis",
        "journals of redis",
        "data of files",  # no lease names it yet
    }
    assert [one.opens for one in listed] == [True] * key_count(whole) + [False]
    assert [len(one.recipients) for one in listed] == [2] * key_count(whole) + [1]
    assert [one.created_at for one in listed[1:]] == sorted(one.created_at for one in listed[1:])
    assert {one.opens for one in list_keys(whole.write_only(store))[0]} == {None}


def test_a_damaged_copy_is_listed_as_damage(whole: Small, store: MemoryStore) -> None:
    broken = next(name for name in whole.objects if what_is(name) == "key")
    store.delete(broken)
    store.put(broken, whole.objects[broken][:-2])
    listed, damage = list_keys(whole.opened(store))
    assert [error.object_name for error in damage] == [broken]
    assert len(listed) == key_count(whole) - 1


def test_trying_an_identity_reads_something_with_every_key(whole: Small, store: MemoryStore) -> None:
    covers = {one.id: one.covers for one in list_keys(whole.opened(store))[0]}
    proofs = prove_identity(whole.opened(store))
    assert {one.id for one in proofs} == set(covers)
    assert [one for one in proofs if one.problem] == []
    read = {(covers[one.id].split()[0], what_is(one.read)) for one in proofs if one.read}
    assert read >= {("names,", "root"), ("one", "pack")}
    assert {what for covered, what in read if covered == "journals"} <= {"segment", "bundle"}
    assert len([one for one in proofs if one.read is None]) == 1  # the base that only repeated what was there


def test_trying_an_identity_names_what_it_does_not_open(whole: Small, store: MemoryStore) -> None:
    rotate(whole.opened(store), [NEW])
    key = whole.write_only(store).new_data_key(FILES)
    (wrong,) = [one for one in prove_identity(whole.opened(store)) if one.problem]
    assert wrong.id == key.id
    assert "does not open" in wrong.problem


def test_trying_an_identity_notices_data_that_does_not_decrypt(whole: Small, store: MemoryStore) -> None:
    for one in prove_identity(whole.opened(store)):
        if one.read and what_is(one.read) in ("pack", "segment"):
            data = whole.objects[one.read]
            store.delete(one.read)
            store.put(one.read, data[:-1] + bytes([data[-1] ^ 1]))
            (found,) = [again for again in prove_identity(whole.opened(store)) if again.id == one.id]
            assert (found.read, "damaged" in found.problem) == (one.read, True)


def test_a_host_without_an_identity_has_none_to_try(whole: Small, store: MemoryStore) -> None:
    with pytest.raises(RepositoryRefused, match="no identity"):
        prove_identity(whole.write_only(store))
