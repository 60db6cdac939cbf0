"""A host with the writer key alone: it writes, finds duplicates and checks structure, and can read nothing back."""

from pathlib import Path

import pytest

from planaria.core.base import BaseFacts, Entry
from planaria.core.errors import ConfigurationError, RepositoryRefused
from planaria.repository.base_reader import open_base
from planaria.repository.bases import newest_base
from planaria.repository.check_state import CheckState
from planaria.repository.checking import run_check
from planaria.repository.key_admin import add_recipient
from planaria.repository.keys import writer_keys
from planaria.repository.layout import what_is
from planaria.repository.recipients import identity_of, new_identity, text_of
from planaria.repository.repository import Repository, open_repository
from planaria.repository.segments import open_segment
from planaria.storage.contract import Store
from tests.support.clocks import seeded
from tests.support.small_repository import FILES, LIMITS, REDIS, Builder, Small, bases_back, check, small

IDENTITY = "planaria-identity:x25519:"


@pytest.fixture
def whole(tmp_path: Path) -> Small:
    return small(tmp_path)


@pytest.fixture
def store(whole: Small) -> Store:
    return whole.store()


@pytest.fixture
def host(whole: Small, store: Store) -> Repository:
    return whole.write_only(store)


def backed_up(whole: Small, host: Repository, folder: Path) -> str:
    """A base written by the host; its name."""
    whole.clock.advance(3600)
    builder = Builder(host, whole.clock, folder)
    content = whole.expected.bases[max(name for name in whole.expected.bases if name.startswith(FILES))]
    builder.base(FILES, content | {"new": b"written by the host" * 50}, {}, {})
    (name,) = builder.expected.bases
    whole.expected.bases |= builder.expected.bases
    return name


def test_it_reads_no_byte_of_any_base(host: Repository) -> None:
    for component in (FILES, REDIS):
        record = newest_base(host, component)
        assert record is not None
        base = open_base(host, record, LIMITS)
        (first, *_) = [entry for entry in base.entries() if entry.size]
        with pytest.raises(RepositoryRefused, match="no identity"):
            list(base.read(first.path))
        with pytest.raises(RepositoryRefused, match="no identity"):
            base.scatter([first], lambda *_: pytest.fail("a byte came back"))


def test_it_reads_no_segment(host: Repository, store: Store) -> None:
    names = [info.name for info in store.list(REDIS) if what_is(info.name) == "segment"]
    assert names
    for name in names:
        with pytest.raises(RepositoryRefused, match="no identity"):
            open_segment(host, REDIS, name, store.get(name))


def test_nothing_that_it_holds_opens_a_data_key(host: Repository, store: Store) -> None:
    held = {host.keys.chunk_id, host.keys.index}
    for component in ("", FILES, REDIS):
        keys = host.component(component)
        held |= {keys.chunk_id, keys.auth, keys.index.secret}
    assert all(len(secret) == 32 for secret in held)
    for info in store.list("keys/"):
        sealed = store.get(info.name)
        assert not any(secret in sealed or secret.hex().encode() in sealed for secret in held)
    assert host._secrets == {}
    for secret in sorted(held):  # what a thief may try
        with pytest.raises(RepositoryRefused, match="does not open"):
            open_repository(store, host.clock, host.random, identity=identity_of(IDENTITY + text_of(secret)))


def test_what_it_writes_it_cannot_read_back_and_others_can(
    whole: Small, host: Repository, store: Store, tmp_path: Path
) -> None:
    name = backed_up(whole, host, tmp_path)
    assert host._secrets == {}
    record = newest_base(host, FILES)
    assert record is not None
    assert record.name == name
    with pytest.raises(RepositoryRefused, match="no identity"):
        list(open_base(host, record, LIMITS).read("new"))
    assert dict(bases_back(whole.opened(store), FILES))[name] == whole.expected.bases[name]


def test_it_finds_duplicates_of_what_it_cannot_read(whole: Small, host: Repository, tmp_path: Path) -> None:
    backed_up(whole, host, tmp_path)
    record = newest_base(host, FILES)
    assert record is not None
    assert (record.chunks_total, record.chunks_new) == (2, 1)


def test_it_keeps_files_of_the_base_before(whole: Small, host: Repository, store: Store) -> None:
    whole.clock.advance(60)
    writer = Builder(host, whole.clock, Path("/nonexistent")).archive(FILES).begin_base()
    assert writer.previous is not None
    entries = list(writer.previous.entries())
    for entry in entries:
        writer.keep(Entry(entry.path, entry.size, {"kept": True}))
    writer.commit(BaseFacts({}, whole.clock.now(), {}, {}))
    newest, before = [content for _, content in bases_back(whole.opened(store), FILES)][-1:-3:-1]
    assert newest == before


def test_it_checks_the_structure_and_refuses_to_read(host: Repository) -> None:
    assert check(host, read=False).findings == []
    with pytest.raises(RepositoryRefused, match="no identity") as caught:
        run_check(host, read=True, state=CheckState(), progress=lambda *_: None)
    assert "repository.identity" in (caught.value.hint or "")


def test_it_cannot_give_others_the_right_to_read(host: Repository) -> None:
    with pytest.raises(RepositoryRefused, match="no identity"):
        add_recipient(host, new_identity(seeded(8))[1])


def test_the_writer_key_of_another_repository_is_refused_and_not_shown(whole: Small, host: Repository) -> None:
    other = whole.writer_key.replace(host.id, "0" * 32)
    with pytest.raises(RepositoryRefused, match="belongs to repository 00000000") as refused:
        writer_keys(other, host.id)
    assert other.rpartition(":")[2] not in f"{refused.value.message}{refused.value.hint}"


@pytest.mark.parametrize("text", ["", "hunter2", "planaria-writer:", "planaria-writer:ab:cd", "planaria-writer:ab:**"])
def test_what_is_no_writer_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        writer_keys(text, "ab")
    assert not text or text not in caught.value.message
