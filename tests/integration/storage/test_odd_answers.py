"""What stores answer on bad days: each answer becomes the right error, and no answer becomes wrong bytes."""

import base64
import hashlib
from collections.abc import Callable, Iterable

import pytest

from planaria.core.errors import (
    ObjectExists,
    ObjectMissing,
    PlanariaError,
    StoreFull,
    StoreRefused,
    StoreUnavailable,
)
from planaria.storage.contract import Store
from planaria.storage.open import open_store
from tests.integration.storage.odd_s3 import Answer, OddS3, Request, error, serving
from tests.support.clocks import ManualClock

LAST_MODIFIED = "Wed, 15 Oct 2025 02:51:30 GMT"


def opened(odd: OddS3, **more: object) -> Store:
    return open_store("s3://bucket/pre", odd.options(**more), ManualClock())


ANSWERS: list[tuple[int, str, type[PlanariaError]]] = [
    (301, "PermanentRedirect", StoreRefused),
    (307, "TemporaryRedirect", StoreRefused),
    (400, "AuthorizationHeaderMalformed", StoreRefused),
    (400, "ExpiredToken", StoreRefused),
    (400, "InvalidArgument", StoreRefused),
    (400, "RequestTimeout", StoreUnavailable),
    (400, "IncompleteBody", StoreUnavailable),
    (400, "BadDigest", StoreUnavailable),
    (400, "EntityTooLarge", StoreFull),
    (401, "Unauthorized", StoreRefused),
    (403, "AccessDenied", StoreRefused),
    (403, "InvalidAccessKeyId", StoreRefused),
    (403, "SignatureDoesNotMatch", StoreRefused),
    (403, "RequestTimeTooSkewed", StoreRefused),
    (403, "QuotaExceeded", StoreFull),
    (404, "NoSuchBucket", StoreRefused),
    (405, "MethodNotAllowed", StoreRefused),
    (409, "OperationAborted", StoreUnavailable),
    (429, "TooManyRequests", StoreUnavailable),
    (500, "InternalError", StoreUnavailable),
    (502, "BadGateway", StoreUnavailable),
    (503, "SlowDown", StoreUnavailable),
    (504, "GatewayTimeout", StoreUnavailable),
    (507, "XMinioStorageFull", StoreFull),
    (507, "InsufficientStorage", StoreFull),
]
CALLS: dict[str, Callable[[Store], object]] = {
    "put": lambda store: store.put("a/one", b"content"),
    "get": lambda store: store.get("a/one"),
    "get a range": lambda store: store.get("a/one", 5, 10),
    "list": lambda store: list(store.list("a/")),
    "delete": lambda store: store.delete("a/one"),
}


@pytest.mark.parametrize("call", CALLS)
def test_each_answer_is_its_error_and_what_the_store_quotes_is_not_repeated(call: str) -> None:
    answer = Answer()
    with serving(lambda _request: answer) as odd:
        store = opened(odd)
        for status, code, expected in ANSWERS:
            answer = error(status, code, "as the store says")
            with pytest.raises(PlanariaError) as raised:
                CALLS[call](store)
            assert type(raised.value) is expected, (status, code)
            assert code in raised.value.message or status in (301, 307, 404)  # which are put in words
            assert "secret" not in raised.value.message
            assert "never-shown" not in raised.value.message
            assert raised.value.__cause__ is None  # a traceback would quote the whole answer


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (301, "PermanentRedirect", "region"),
        (403, "RequestTimeTooSkewed", "clock"),
        (403, "InvalidAccessKeyId", "access_key"),
        (403, "AccessDenied", "policy"),
        (404, "NoSuchBucket", "bucket"),
        (507, "QuotaExceeded", "quota"),
    ],
)
def test_the_hint_says_what_to_do(status: int, code: str, hint: str) -> None:
    with serving(lambda _request: error(status, code)) as odd, pytest.raises(PlanariaError) as raised:
        opened(odd).put("one", b"")
    assert hint in (raised.value.hint or "")


def test_each_request_is_sent_once_retries_belong_to_retrying() -> None:
    with serving(lambda _request: error(503, "SlowDown")) as odd:
        store = opened(odd)
        for call in CALLS.values():
            with pytest.raises(StoreUnavailable):
                call(store)
        assert len(odd.seen) == len(CALLS)


def test_a_conflict_of_two_puts_is_not_taken_for_an_existing_object() -> None:
    answers = [error(409, "ConditionalRequestConflict"), error(412, "PreconditionFailed")]
    with serving(lambda _request: answers.pop(0)) as odd:
        store = opened(odd)
        with pytest.raises(StoreUnavailable):
            store.put("one", b"")
        with pytest.raises(ObjectExists):
            store.put("one", b"")


def test_a_store_without_conditional_puts_is_put_to_without_conditions_from_then_on() -> None:
    def behaviour(request: Request) -> Answer:
        refused = "if-none-match" in request.headers
        return error(501, "NotImplemented") if refused else Answer(headers={"ETag": '"e"'})

    with serving(behaviour) as odd:
        store = opened(odd)
        store.put("one", b"1")
        store.put("two", b"2")
        sent = [(request.path, request.body, "if-none-match" in request.headers) for request in odd.seen]
    one, two = "/bucket/pre/one", "/bucket/pre/two"
    assert sent == [(one, b"1", True), (one, b"1", False), (two, b"2", False)]


@pytest.mark.parametrize(("checksum", "sent"), [("sha256", True), (None, False)])
def test_every_put_is_signed_with_its_sum_and_carries_it_as_a_checksum_where_asked(
    checksum: str | None, sent: bool
) -> None:
    data = b"content" * 1000
    digest = hashlib.sha256(data)
    with serving(lambda _request: Answer(headers={"ETag": '"e"'})) as odd:
        opened(odd, checksum=checksum).put("one", data)
        [request] = odd.seen
    assert request.headers["x-amz-content-sha256"] == digest.hexdigest()
    expected = base64.b64encode(digest.digest()).decode() if sent else None
    assert request.headers.get("x-amz-checksum-sha256") == expected


@pytest.mark.parametrize("token", ["of-a-session", None])
def test_the_token_of_a_session_goes_with_its_keys(token: str | None) -> None:
    with serving(lambda _request: Answer(headers={"ETag": '"e"'})) as odd:
        opened(odd, session_token=token).put("one", b"")
        [request] = odd.seen
    assert request.headers.get("x-amz-security-token") == token


def test_a_delete_is_a_plain_delete_which_every_store_knows() -> None:
    with serving(lambda _request: Answer(204)) as odd:
        opened(odd).delete("a/one")
        assert [(request.method, request.path) for request in odd.seen] == [("DELETE", "/bucket/pre/a/one")]


def test_a_store_with_a_host_name_for_each_bucket_is_asked_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen as the environment's proxy, because names below localhost are not known everywhere."""
    with serving(lambda _request: error(503, "SlowDown")) as odd:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{odd.port}")
        store = opened(odd, endpoint="http://s3.example.org", path_style=False)
        with pytest.raises(StoreUnavailable):
            store.get("one")
    assert [request.path for request in odd.seen] == ["http://bucket.s3.example.org/pre/one"]


def _object(body: bytes, size: int, start: int = 0, declared: int | None = None) -> Answer:
    headers = {"ETag": '"e"', "Last-Modified": LAST_MODIFIED}
    if start == 0 and declared in (None, size) and len(body) == size:
        return Answer(200, headers, body)
    return Answer(206, headers | {"Content-Range": f"bytes {start}-{start + len(body) - 1}/{size}"}, body, declared)


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("less than the range asked for", _object(b"56", 10, 5)),
        ("another range", _object(b"34567", 10, 3)),
        ("the whole instead of the range", _object(b"0123456789", 10)),
        ("a body that breaks off", Answer(206, _object(b"56789", 10, 5).headers, b"56", declared=5)),
        ("fewer bytes than its own headers say", Answer(206, _object(b"56789", 10, 5).headers, b"56")),
        ("no length", Answer(206, {"ETag": '"e"', "Last-Modified": LAST_MODIFIED}, b"56789")),
    ],
)
def test_a_get_of_a_range_is_exact_or_fails(what: str, answer: Answer) -> None:
    with serving(lambda _request: answer) as odd, pytest.raises((StoreUnavailable, StoreRefused)):
        opened(odd).get("one", 5, 5)
    with serving(lambda _request: _object(b"56789", 10, 5)) as odd:
        assert opened(odd).get("one", 5, 5) == b"56789"


def test_a_short_answer_may_pass_and_is_worth_a_retry() -> None:
    """As from a proxy that cuts an answer and corrects its length."""
    answers = [Answer(206, _object(b"56789", 10, 5).headers, b"56"), _object(b"56789", 10, 5)]
    with serving(lambda _request: answers.pop(0)) as odd:
        store = opened(odd)
        with pytest.raises(StoreUnavailable, match="answered 2 bytes of one where 5 were due"):
            store.get("one", 5, 5)
        assert store.get("one", 5, 5) == b"56789"


def test_a_whole_object_that_breaks_off_fails() -> None:
    headers = {"ETag": '"e"', "Last-Modified": LAST_MODIFIED}
    with serving(lambda _request: Answer(200, headers, b"0123", declared=10)) as odd:
        with pytest.raises(StoreUnavailable):
            opened(odd).get("one")
        assert len(odd.seen) == 1


def test_past_the_end_is_believed_only_if_the_size_agrees() -> None:
    def behaviour(request: Request) -> Answer:
        if request.method == "HEAD":
            return Answer(200, {"ETag": '"e"', "Last-Modified": LAST_MODIFIED}, declared=10)
        return error(416, "InvalidRange")

    with serving(behaviour) as odd:
        store = opened(odd)
        assert store.get("one", 10, 5) == b""
        with pytest.raises(StoreRefused, match="InvalidRange"):
            store.get("one", 9, 5)


def _page(keys: Iterable[str], token: str = "", size: int = 1) -> Answer:
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2025-10-15T02:51:30.250Z</LastModified><ETag>e</ETag>"
        f"<Size>{0 if key.endswith('/') else size}</Size></Contents>"
        for key in keys
    )
    more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    return Answer(body=f"<?xml version='1.0'?><ListBucketResult>{contents}{more}</ListBucketResult>".encode())


def _listed(*pages: Answer, prefix: str = "a/", after: str = "") -> tuple[list[str], list[Request]]:
    left = list(pages)
    with serving(lambda _request: left.pop(0)) as odd:
        return [info.name for info in opened(odd).list(prefix, after)], odd.seen


def test_pages_are_followed() -> None:
    names, requests = _listed(_page(["pre/a/1", "pre/a/2"], "t1"), _page(["pre/a/3"], "t2"), _page(["pre/a/4"]))
    assert names == ["a/1", "a/2", "a/3", "a/4"]
    assert ["continuation-token" in request.path for request in requests] == [False, True, True]


def test_a_page_that_fails_fails_the_list() -> None:
    keys = [f"pre/a/{number:03}" for number in range(250)]
    with serving(lambda r: error(500, "InternalError") if "token" in r.path else _page(keys, "t")) as odd:
        found = opened(odd).list("a/")
        assert [next(found).name for _ in range(200)] == [key.removeprefix("pre/") for key in keys[:200]]
        with pytest.raises(StoreUnavailable):
            list(found)


@pytest.mark.parametrize("keys", [["pre/a/2", "pre/a/1"], ["pre/a/1", "pre/a/1"], ["pre/a/b/c", "pre/a/b-c"]])
def test_a_store_that_lists_out_of_order_is_refused(keys: list[str]) -> None:
    with pytest.raises(StoreRefused, match="order of names"):
        _listed(_page(keys))


def test_a_store_that_lists_what_was_not_asked_for_is_refused() -> None:
    with pytest.raises(StoreRefused, match="lists b/1 where only a/ was asked for"):
        _listed(_page(["pre/a/1", "pre/b/1"]))


def test_a_store_that_ignores_where_to_begin_is_put_right() -> None:
    assert _listed(_page(["pre/a/1", "pre/a/2", "pre/a/3"]), after="a/2")[0] == ["a/3"]


def test_folders_of_consoles_and_names_of_others_are_passed_over() -> None:
    keys = ["pre/a/", "pre/a/1", "pre/a/2", "pre/a/2.x", "pre/a/2/", "pre/a/2/3", "pre/a/some thing", "pre/a/~"]
    assert _listed(_page(keys))[0] == ["a/1", "a/2", "a/2.x", "a/2/3"]


def test_a_list_stops_where_its_prefix_ends_and_begins_near_it() -> None:
    keys = ["pre/a/24", "pre/a/25a", "pre/a/25b", *(f"pre/a/26-{number:03}" for number in range(100))]
    names, requests = _listed(_page(keys, "more"), prefix="a/25")
    assert names == ["a/25a", "a/25b"]
    [request] = requests
    assert "prefix=pre%2Fa%2F&start-after=pre%2Fa%2F24z" in request.path


def test_a_head_without_a_body_still_tells_a_missing_object_from_a_missing_bucket() -> None:
    answer = error(404, "NoSuchKey")
    with serving(lambda _request: answer) as odd:
        with pytest.raises(ObjectMissing):
            opened(odd).head("one")
        answer = error(404, "NoSuchBucket")
        with pytest.raises(StoreRefused):
            opened(odd).head("one")
