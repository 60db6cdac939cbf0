"""From a URL to a store, and what is said of one that is wrong."""

from pathlib import Path

import pytest

from planaria.core.errors import ConfigurationError
from planaria.storage.local import LocalStore
from planaria.storage.memory import MemoryStore
from planaria.storage.objects import ObjectStore
from planaria.storage.open import open_store
from planaria.storage.options import StoreOptions
from tests.support.clocks import ManualClock

CLOCK = ManualClock()
PLAIN = StoreOptions()


def test_a_path_and_a_file_url_are_the_same_directory(tmp_path: Path) -> None:
    root = tmp_path / "with space"
    for url in (str(root), root.as_uri()):
        store = open_store(url, PLAIN, CLOCK)
        assert isinstance(store, LocalStore)
        assert store.url == root.as_uri()


def test_memory_is_on_the_clock_given() -> None:
    store = open_store("memory:", PLAIN, CLOCK)
    assert isinstance(store, MemoryStore)
    store.put("a", b"")
    assert store.head("a").modified_at == CLOCK.now()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/team/backups/", "s3://bucket/team/backups"),
        ("gs://bucket/team", "gs://bucket/team"),
        ("az://container/team", "az://container/team"),
    ],
)
def test_object_stores_are_opened_without_connecting(url: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    store = open_store(url, PLAIN, CLOCK)
    assert isinstance(store, ObjectStore)
    assert store.url == shown


SECRET = "pa55word"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s4://bucket", "no kind of store 's4'"),
        ("backups", "no kind of store ''"),
        ("", "no kind of store ''"),
        (f"ftp://user:{SECRET}@host/x", "no kind of store 'ftp'"),
        ("s3:///prefix", "names no bucket"),
        (f"s3://key:{SECRET}@bucket/x", "must not hold credentials"),
        (f"s3://bucket/x?secret={SECRET}", "must not hold credentials"),
        ("file://host/x", "absolute path"),
        ("file:x", "absolute path"),
        ("s3://[bucket", "cannot be understood"),
        ("az://container/x", "Account must be specified"),
    ],
)
def test_a_wrong_url_is_said_with_a_hint_and_without_its_secrets(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        open_store(url, PLAIN, CLOCK)
    assert raised.value.hint
    assert SECRET not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (StoreOptions(endpoint="s3.example.org"), "not a URL of a server"),
        (StoreOptions(endpoint="https://"), "not a URL of a server"),
        (StoreOptions(endpoint="https://host:port"), "not a URL of a server"),
        (StoreOptions(endpoint=f"https://key:{SECRET}@host"), "not a URL of a server"),
        (StoreOptions(endpoint="http://host"), "has no TLS"),
        (StoreOptions(access_key="a"), "go together"),
        (StoreOptions(secret_key=SECRET), "go together"),
        (StoreOptions(ca_file=Path("/no/such/file")), "/no/such/file: No such file"),
        (StoreOptions(ca_file=Path("/dev/null")), "No certificates found"),
    ],
)
def test_wrong_options_are_said_before_anything_is_connected_to(options: StoreOptions, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        open_store("s3://bucket/x", options, CLOCK)
    assert SECRET not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize("url", ["file:///x", "gs://bucket", "memory:"])
def test_what_only_s3_does_is_not_quietly_left_undone_elsewhere(url: str) -> None:
    with pytest.raises(ConfigurationError, match="endpoint, sse_kms_key: only for an s3:// url"):
        open_store(url, StoreOptions(endpoint="https://h", sse_kms_key="k"), CLOCK)


def test_options_do_not_show_their_secrets() -> None:
    shown = repr(StoreOptions(access_key="AKID", secret_key=SECRET, session_token=SECRET))
    assert "AKID" in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("options", "encryption"),
    [
        (StoreOptions(), None),
        (StoreOptions(sse="AES256"), "AES256"),
        (StoreOptions(sse_kms_key="k"), "aws:kms"),
        (StoreOptions(sse="aws:kms:dsse", sse_kms_key="k"), "aws:kms:dsse"),
    ],
)
def test_a_key_alone_means_kms(options: StoreOptions, encryption: str | None) -> None:
    assert options.encryption == encryption
