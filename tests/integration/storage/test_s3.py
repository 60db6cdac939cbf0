"""S3 on a real radosgw: refusals, encryption that is confirmed, cut connections, TLS."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from planaria.core.errors import ObjectExists, ObjectMissing, PlanariaError, StoreRefused, StoreUnavailable
from planaria.service.system_clock import SystemClock, system_randomness
from planaria.storage.contract import Store
from planaria.storage.metered import Metered
from planaria.storage.open import open_store
from planaria.storage.options import StoreOptions
from planaria.storage.retrying import Patience, Retrying
from tests.support.proxy import Proxy, proxy
from tests.support.radosgw import Radosgw

pytestmark = pytest.mark.radosgw
CLOCK = SystemClock()
LARGE = bytes(range(256)) * 4096 * 4
"""4 MiB."""


def opened(bucket: str, options: StoreOptions) -> Store:
    return open_store(f"s3://{bucket}/pre/fix", options, CLOCK)


@pytest.fixture
def bucket(radosgw: Radosgw) -> str:
    return radosgw.bucket()


@pytest.fixture
def store(radosgw: Radosgw, bucket: str) -> Store:
    return opened(bucket, radosgw.options)


def every_call(store: Store) -> Iterator[PlanariaError]:
    """The errors of all methods."""
    calls = (
        lambda: store.put("one", b"1"),
        lambda: store.get("one"),
        lambda: store.get("one", 1, 2),
        lambda: store.head("one"),
        lambda: list(store.list("")),
        lambda: store.delete("one"),
    )
    for call in calls:
        with pytest.raises(PlanariaError) as raised:
            call()
        yield raised.value


def test_objects_lie_below_the_prefix_and_others_are_not_seen(store: Store, radosgw: Radosgw, bucket: str) -> None:
    store.put("a/one", b"1")
    whole = open_store(f"s3://{bucket}", radosgw.options, CLOCK)
    assert [info.name for info in whole.list("")] == ["pre/fix/a/one"]
    whole.put("pre/fixed/other", b"")
    whole.put("other", b"")
    assert [info.name for info in store.list("")] == ["a/one"]


def test_a_wrong_secret_is_refused_and_not_repeated(radosgw: Radosgw, bucket: str) -> None:
    wrong = replace(radosgw.options, secret_key="wr0ng-secret")
    for error in every_call(opened(bucket, wrong)):
        assert type(error) is StoreRefused
        assert "wr0ng-secret" not in f"{error.message} {error.hint}"
        assert error.hint


def test_an_unknown_access_key_is_refused(radosgw: Radosgw, bucket: str) -> None:
    for error in every_call(opened(bucket, replace(radosgw.options, access_key="NOBODY"))):
        assert type(error) is StoreRefused


def test_keys_that_are_given_do_not_mix_with_the_environment(
    radosgw: Radosgw, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "of-another-program")
    opened(bucket, radosgw.options).put("one", b"1")


def test_without_keys_those_of_the_environment_are_used(
    radosgw: Radosgw, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyless = replace(radosgw.options, access_key=None, secret_key=None)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", radosgw.options.access_key or "")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", radosgw.options.secret_key or "")
    opened(bucket, keyless).put("one", b"1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreRefused):
        opened(bucket, keyless).put("two", b"2")


def test_without_any_keys_that_is_said(radosgw: Radosgw, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")  # where a cloud would hand out a role's keys
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    for error in every_call(opened(bucket, replace(radosgw.options, access_key=None, secret_key=None))):
        assert type(error) is StoreRefused
        assert "there are no credentials" in error.message


def test_a_missing_bucket_is_not_a_missing_object(radosgw: Radosgw) -> None:
    for error in every_call(opened("no-such-bucket", radosgw.options)):
        assert type(error) is StoreRefused
        assert "s3://no-such-bucket/pre/fix does not exist" in error.message


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "http://no-such-host.invalid"], ids=["closed-port", "unknown-host"]
)
def test_a_wrong_endpoint_is_unavailable_in_bounded_time(endpoint: str, radosgw: Radosgw) -> None:
    before = CLOCK.monotonic()
    for error in every_call(opened("bucket", replace(radosgw.options, endpoint=endpoint, connect_timeout=2))):
        assert type(error) is StoreUnavailable
        assert "cannot be reached" in error.message
    assert CLOCK.monotonic() - before < 20


def test_a_plain_endpoint_asked_for_tls_is_refused_with_a_hint(radosgw: Radosgw) -> None:
    options = replace(radosgw.options, endpoint=radosgw.endpoint.replace("http:", "https:"))
    for error in every_call(opened("bucket", options)):
        assert type(error) is StoreRefused
        assert "does not speak TLS" in error.message


def test_a_store_that_hangs_is_unavailable_after_the_timeout(radosgw: Radosgw, bucket: str) -> None:
    with proxy(radosgw.port) as between:
        store = opened(bucket, replace(through(radosgw, between), timeout=0.5))
        store.put("one", b"1")
        between.stall()
        before = CLOCK.monotonic()
        for error in every_call(store):
            assert type(error) is StoreUnavailable
        assert CLOCK.monotonic() - before < 15
        between.go_on()


def through(radosgw: Radosgw, between: Proxy) -> StoreOptions:
    return replace(radosgw.options, endpoint=f"http://127.0.0.1:{between.port}")


@pytest.mark.parametrize("passed", [0, 10, 500, 100_000, 3_000_000])
def test_a_get_that_is_cut_is_an_error_and_never_short(
    passed: int, radosgw: Radosgw, bucket: str, store: Store
) -> None:
    store.put("large", LARGE)
    with proxy(radosgw.port, cut_after=[passed] * 2) as between:
        cut = opened(bucket, through(radosgw, between))
        with pytest.raises(StoreUnavailable):
            cut.get("large")
        with pytest.raises(StoreUnavailable):
            cut.get("large", 5, len(LARGE) - 10)
        assert between.cuts == 2
        assert cut.get("large") == LARGE


def test_a_get_that_is_cut_again_and_again_arrives_by_retrying(radosgw: Radosgw, bucket: str, store: Store) -> None:
    store.put("large", LARGE)
    with proxy(radosgw.port, cut_after=[0, 300, 2_000_000, 4_000_000]) as between:
        metered = Metered(opened(bucket, through(radosgw, between)), CLOCK)
        patient = Retrying(metered, CLOCK, system_randomness, Patience(first=0.01))
        assert patient.get("large") == LARGE
        use = metered.use()
    assert (use.requests["get"], use.errors["get"], use.bytes_in) == (5, 4, len(LARGE))


def test_a_put_whose_answer_is_cut_off_is_recognised_as_done(radosgw: Radosgw, bucket: str, store: Store) -> None:
    with proxy(radosgw.port, cut_after=[0]) as between:
        patient = Retrying(opened(bucket, through(radosgw, between)), CLOCK, system_randomness, Patience(first=0.01))
        patient.put("one", LARGE)
        assert between.cuts == 1
    assert store.get("one") == LARGE


def test_objects_are_encrypted_by_the_key_asked_for(radosgw: Radosgw, bucket: str) -> None:
    store = opened(bucket, replace(radosgw.options, sse_kms_key=radosgw.kms_key))
    store.put("one", b"content")
    assert store.get("one") == b"content"
    with pytest.raises(ObjectExists):
        store.put("one", b"again")


def test_a_key_that_the_store_does_not_have_is_refused(radosgw: Radosgw, bucket: str) -> None:
    store = opened(bucket, replace(radosgw.options, sse_kms_key="no-such-key"))
    with pytest.raises(StoreRefused):
        store.put("one", b"content")
    with pytest.raises(ObjectMissing):
        store.head("one")


def test_an_object_that_lies_there_without_encryption_is_not_taken_for_one_with(
    radosgw: Radosgw, bucket: str, store: Store
) -> None:
    """As after a put by a run without sse, which a retry with sse finds in place."""
    store.put("one", b"content")
    asked = opened(bucket, replace(radosgw.options, sse_kms_key=radosgw.kms_key))
    with pytest.raises(StoreRefused, match="keeps it without encryption"):
        asked.put("one", b"content")


def test_the_checksum_of_a_put_is_taken_and_its_absence_too(radosgw: Radosgw, bucket: str) -> None:
    for number, checksum in enumerate(("sha256", None)):
        store = opened(bucket, replace(radosgw.options, checksum=checksum))  # type: ignore[arg-type]
        store.put(f"n{number}", LARGE)
        assert store.get(f"n{number}") == LARGE
