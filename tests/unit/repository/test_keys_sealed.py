"""Sealed keys and planaria.json: what opens a repository, when copies of it are damaged, planted or taken away."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from planaria.core.errors import ConfigurationError, DamagedData, ObjectExists, RepositoryRefused
from planaria.repository.key_admin import add_recipient
from planaria.repository.keys import RepositoryKeys, key_object, parse_key_object
from planaria.repository.recipients import Recipient, identity_of, new_identity
from planaria.repository.repository import Repository, create, kit_files, open_repository
from planaria.repository.sealed import canonical
from planaria.storage.memory import MemoryStore
from tests.support.clocks import ManualClock, seeded

TEXT, OURS = new_identity(seeded(1))
OTHER_TEXT, OTHER = new_identity(seeded(2))


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


@pytest.fixture
def made(store: MemoryStore) -> Repository:
    return create(store, ManualClock(), seeded(3), [OURS], identity_of(TEXT))


def opened(store: MemoryStore, text: str = TEXT, recipients: tuple[str, ...] = ()) -> Repository:
    return open_repository(store, ManualClock(), seeded(4), identity=identity_of(text), recipients=recipients)


def replaced(store: MemoryStore, name: str, data: bytes) -> None:
    store.delete(name)
    store.put(name, data)


def copies(store: MemoryStore) -> list[str]:
    return [info.name for info in store.list("keys/repository/")]


def test_a_repository_opens_with_an_identity_and_with_the_writer_key(store: MemoryStore, made: Repository) -> None:
    assert opened(store).keys == made.keys
    clock = ManualClock()
    writer = open_repository(store, clock, seeded(4), writer_key=made.keys.writer_text())
    assert (writer.keys, writer.identity) == (made.keys, None)


def test_keys_show_no_secret_in_their_words(made: Repository) -> None:
    shown = repr(made) + repr(made.component("redis")) + repr(made.new_data_key("redis"))
    assert made.keys.index.hex() not in shown
    assert str(made.keys.index) not in shown
    assert TEXT not in shown


def test_another_identity_does_not_open_it_and_is_told_who_does(store: MemoryStore, made: Repository) -> None:
    with pytest.raises(RepositoryRefused, match="does not open keys/repository/") as caught:
        opened(store, OTHER_TEXT)
    assert OURS.text[:20] in (caught.value.hint or "")


def test_without_any_key_it_does_not_open(store: MemoryStore, made: Repository) -> None:
    with pytest.raises(ConfigurationError, match="neither"):
        open_repository(store, ManualClock(), seeded(4))


def test_there_is_one_repository_in_a_place_and_it_has_a_recipient(store: MemoryStore, made: Repository) -> None:
    with pytest.raises(ObjectExists, match="already"):
        create(store, ManualClock(), seeded(5), [OURS])
    with pytest.raises(ConfigurationError, match="at least one"):
        create(MemoryStore(ManualClock()), ManualClock(), seeded(5), [])


def test_where_there_is_none_it_says_so(store: MemoryStore) -> None:
    with pytest.raises(RepositoryRefused, match="no repository") as caught:
        opened(store)
    assert caught.value.hint == "planaria init"


def test_a_newer_format_is_refused_with_what_to_do(store: MemoryStore, made: Repository) -> None:
    root = json.loads(store.get("planaria.json")) | {"format": 2}
    replaced(store, "planaria.json", canonical(root))
    with pytest.raises(RepositoryRefused, match="has format 2") as caught:
        opened(store)
    assert caught.value.hint == "upgrade Planaria"


@pytest.mark.parametrize(
    "change",
    [
        lambda root: canonical(root | {"id": "00" * 16}),
        lambda root: canonical(root | {"created_at": "2020"}),
        lambda root: canonical(root | {"kit": {}}),
        lambda root: canonical({name: value for name, value in root.items() if name != "seal"}),
        lambda root: json.dumps(root).encode(),
        lambda root: canonical(root)[:-1] + b',"x":NaN}',
        lambda root: canonical(root)[:-1] + b',"x":"\\ud800"}',
        lambda root: b"[]",
        lambda root: b"[" * 100_000,
        lambda root: b"\xff",
    ],
)
def test_a_changed_root_does_not_open(
    store: MemoryStore, made: Repository, change: Callable[[dict[str, Any]], bytes]
) -> None:
    replaced(store, "planaria.json", change(json.loads(store.get("planaria.json"))))
    with pytest.raises(DamagedData):
        opened(store)


def test_one_damaged_copy_of_the_keys_does_not_close_the_repository(store: MemoryStore, made: Repository) -> None:
    add_recipient(made, OTHER)
    for broken in copies(store):
        whole = store.get(broken)
        replaced(store, broken, whole[:100] + b"x" + whole[101:])
        assert opened(store, TEXT).keys == made.keys
        replaced(store, broken, whole)
    for broken in copies(store):
        replaced(store, broken, b"")
    with pytest.raises(DamagedData, match="keys/repository/"):
        opened(store)


def test_who_reads_what_is_written_is_not_guessed_when_a_copy_is_damaged(store: MemoryStore, made: Repository) -> None:
    add_recipient(made, OTHER)
    newest = max(copies(store), key=lambda name: str(json.loads(store.get(name))["created_at"]))
    replaced(store, newest, store.get(newest)[:-1])
    with pytest.raises(RepositoryRefused, match="is not known") as caught:
        opened(store).new_data_key("redis")
    assert "repository.recipients" in (caught.value.hint or "")
    assert opened(store, recipients=(OURS.text,)).new_data_key("redis").secret


def test_keys_that_somebody_else_sealed_to_us_are_not_taken(store: MemoryStore, made: Repository) -> None:
    theirs = RepositoryKeys(made.id, b"c" * 32, b"i" * 32)
    for name in ("keys/repository/00", "keys/repository/ffffffffffffffffff"):
        planted = key_object(
            repository=made.id,
            name=name,
            component="",
            secret=theirs.chunk_id + theirs.index,
            seal_key=theirs.component("").auth,
            recipients=[OURS],
            created_at=made.clock.now(),
        )
        store.put(name, planted)
    assert opened(store).keys == made.keys


def test_what_lies_beside_the_keys_and_is_none_is_passed_over(store: MemoryStore, made: Repository) -> None:
    store.put("keys/repository/README.txt", b"do not delete")
    assert opened(store).keys == made.keys


def test_a_data_key_is_sealed_to_every_recipient_before_it_is_used(store: MemoryStore) -> None:
    made = create(store, ManualClock(), seeded(3), [OURS, OTHER], identity_of(TEXT))
    key = made.new_data_key("redis")
    for text in (TEXT, OTHER_TEXT):
        assert opened(store, text).data_key("redis", key.id).secret == key.secret


def test_a_data_key_belongs_to_one_component(store: MemoryStore, made: Repository) -> None:
    key = made.new_data_key("redis")
    with pytest.raises(DamagedData, match=f"keys/{key.id} of files is gone"):
        opened(store).data_key("files", key.id)


def test_a_data_key_that_is_gone_or_damaged_is_named(store: MemoryStore, made: Repository) -> None:
    key = made.new_data_key("redis")
    (info,) = store.list(f"keys/{key.id}/")
    replaced(store, info.name, b"{}")
    with pytest.raises(DamagedData) as caught:
        opened(store).data_key("redis", key.id)
    assert caught.value.object_name == info.name
    store.delete(info.name)
    with pytest.raises(DamagedData, match="is gone"):
        opened(store).data_key("redis", key.id)


def sealed_key(recipients: list[Recipient]) -> dict[str, Any]:
    data = key_object(
        repository="ab",
        name="keys/cd/ef",
        component="redis",
        secret=b"s" * 32,
        seal_key=b"k" * 32,
        recipients=recipients,
        created_at=ManualClock().now(),
    )
    found: dict[str, Any] = json.loads(data)
    return found


@pytest.mark.parametrize(
    "change",
    [
        {"planaria": "repository"},
        {"format": 2},
        {"repository": "ba"},
        {"name": "keys/cd/ee"},
        {"key": "ce"},
        {"component": 5},
        {"sealed": []},
        {"sealed": ["x"]},
        {"sealed": [{"recipient": 5, "secret": "AA"}]},
        {"sealed": [{"recipient": "key:x25519:AA", "secret": "A"}]},
        {"sealed": [{"recipient": "key:x25519:AA"}]},
        {"seal": None},
    ],
    ids=str,
)
def test_what_is_not_this_sealed_key_is_damage(change: dict[str, Any]) -> None:
    whole = sealed_key([OURS])
    assert parse_key_object(canonical(whole), "keys/cd/ef", repository="ab").recipients == [OURS.text]
    with pytest.raises(DamagedData):
        parse_key_object(canonical(whole | change), "keys/cd/ef", repository="ab")


def test_a_change_that_keeps_its_shape_breaks_the_seal() -> None:
    whole = sealed_key([OURS])
    for change in ({"created_at": "2020"}, {"component": "files"}, {"sealed": whole["sealed"] * 2}):
        one = parse_key_object(canonical(whole | change), "keys/cd/ef", repository="ab")
        with pytest.raises(DamagedData, match="not authentic"):
            one.believe(b"k" * 32)
    parse_key_object(canonical(whole), "keys/cd/ef", repository="ab").believe(b"k" * 32)


def test_a_recipient_of_a_kind_not_known_yet_hides_no_other() -> None:
    whole = sealed_key([OURS])
    sealed = [{"recipient": "kms:aws:alias/x", "secret": "AAAA"}, *whole["sealed"]]
    one = parse_key_object(canonical(whole | {"sealed": sealed}), "keys/cd/ef", repository="ab")
    assert one.open(identity_of(TEXT)) == b"s" * 32


def test_the_recovery_kit_travels_with_the_repository(store: MemoryStore, made: Repository) -> None:
    assert {name: store.get(name) for name in kit_files()} == kit_files()
    assert sorted(kit_files()) == ["recovery-kit/1/FORMAT.md", "recovery-kit/1/read.py"]
