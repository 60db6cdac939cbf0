"""What object stores answer, in the store's errors.

Only code and message of an answer are repeated, never its body: stores quote requests there, signatures and all.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from planaria.core.errors import ObjectExists, ObjectMissing, PlanariaError, StoreFull, StoreRefused, StoreUnavailable

FAILURES = (BaseError, OSError)
"""All that obstore raises for what a store did."""

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_CODE = re.compile(r"<Code>\s*([\w.]{1,80})\s*</Code>")
_MESSAGE = re.compile(r"<Message>\s*([^<]{1,300}?)\s*</Message>")
_CAUSE = re.compile(r"Connection (?:refused|reset by peer)|dns error|TimedOut|InvalidContentType")
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*(?:\w+\(\s*)*(\w+)")

_FULL = {
    "QuotaExceeded",
    "EntityTooLarge",
    "XMinioStorageFull",
    "XMinioAdminBucketQuotaExceeded",
}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound"}
_WRONG_REGION = {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IncorrectEndpoint"}
_PASSING = {"RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
"""Answered with 400, though the same request may do better next time."""
_WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_WRONG_KEY = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "InvalidClientTokenId"}

_METADATA = ("/latest/api/token", "/latest/meta-data", "metadata.google.internal", "/metadata/identity")
"""Where a host's own credentials are asked for when none are configured."""


def status_of(error: BaseException) -> int | None:
    """The HTTP status of the answer behind an error; None when there was no answer."""
    found = _STATUS.search(str(error))
    return int(found[1]) if found else None


@contextmanager
def translated(url: str, name: str | None) -> Iterator[None]:
    """`name` is None where the request is about the bucket."""
    try:
        yield
    except FAILURES as error:
        raise translation(error, url, name) from None


def translation(error: BaseException, url: str, name: str | None) -> PlanariaError:
    text = str(error)
    status, code = status_of(error), _first(_CODE, text)
    said = ": ".join(part for part in (code, _first(_MESSAGE, text)) if part) or (f"HTTP {status}" if status else "")
    what = f"{url} at {name}" if name else url
    if any(place in text for place in _METADATA):
        return StoreRefused(
            f"there are no credentials for {url}: none are configured, and this host offers none",
            hint="set access_key and secret_key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the host's role",
        )
    if code in _NO_BUCKET or (status == 404 and name is None):
        return StoreRefused(f"{url} does not exist", hint="create the bucket, or correct the url of the repository")
    if isinstance(error, FileNotFoundError) or status == 404:
        return ObjectMissing(f"{name} is not in {url}")
    if code in _FULL or status == 507:
        return StoreFull(f"{what} takes no more ({said})", hint="raise the quota or free space")
    if isinstance(error, AlreadyExistsError) and status != 409:
        return ObjectExists(f"{name} is already in {url}")
    if status is None:
        return _unanswered(error, what, text)
    return _refused(what, status, code, said) or StoreUnavailable(f"{what} failed ({said})")


def _refused(what: str, status: int, code: str, said: str) -> StoreRefused | None:
    """None where the same request may do better later."""
    if code in _WRONG_REGION or status in (301, 302, 307, 308):
        return StoreRefused(f"{what} belongs to another region or endpoint ({said})", hint="set region, or endpoint")
    if code in _WRONG_CLOCK:
        return StoreRefused(f"{what} finds the clock of this host wrong ({said})", hint="set this host's clock")
    if code in _WRONG_KEY or status == 401:
        return StoreRefused(f"{what} does not accept our credentials ({said})", hint="check access_key and secret_key")
    if status == 403:
        return StoreRefused(f"{what} denies us ({said})", hint="check the credentials and what their policy allows")
    if status in (408, 409, 425, 429) or (status >= 500 and status != 501) or code in _PASSING:
        return None
    return StoreRefused(
        f"{what} refuses the request ({said})", hint="planaria doctor --deep shows what the store can do"
    )


def _unanswered(error: BaseException, what: str, text: str) -> PlanariaError:
    """No status: it never got to an answer, or the answer broke off."""
    if "Received redirect without LOCATION" in text:
        return StoreRefused(f"{what} belongs to another region", hint="set the region of the bucket")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return StoreRefused(f"{what} denies us", hint="check the credentials and what their policy allows")
    if isinstance(error, NotSupportedError | InvalidPathError):
        return StoreRefused(f"{what} does not do what a repository needs ({_head(text)})")
    if doubt := _first(_CERTIFICATE, text):
        return StoreRefused(f"{what} is not trusted ({doubt})", hint="set ca_file to the authority of its certificate")
    cause = _first(_CAUSE, text, group=0)
    if cause == "InvalidContentType":
        return StoreRefused(f"{what} does not speak TLS", hint="use http:// and allow_http, or correct the endpoint")
    hint = (
        "check the endpoint, and path_style if the store has no host name for each bucket" if "dns" in cause else None
    )
    if not cause:
        return StoreUnavailable(f"{what} failed ({_head(text)})")
    return StoreUnavailable(f"{what} cannot be reached ({cause.lower()})", hint=hint)


def _first(pattern: re.Pattern[str], text: str, group: int = 1) -> str:
    found = pattern.search(text)
    return found[group] if found else ""


def _head(text: str) -> str:
    """The last clause of what obstore says: the cause, without addresses and signatures."""
    return text.splitlines()[0].rpartition(": ")[2][:120] if text else "no reason given"
