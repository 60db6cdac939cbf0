"""S3 and its kin: how options become obstore's, and the proof that objects are encrypted as asked.

Every PUT is signed with the SHA-256 of its body, which the store verifies; `checksum` has it keep that sum as well.
"""

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store, from_url

from planaria.core.errors import ConfigurationError, StoreRefused, StoreUnavailable
from planaria.storage.answers import translated
from planaria.storage.objects import ObjectStore
from planaria.storage.options import StoreOptions

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

NO_RETRY: "RetryConfig" = {"max_retries": 0}
_SIGNED_FOR = timedelta(minutes=5)


def s3_store(bucket: str, prefix: str, options: StoreOptions) -> ObjectStore:
    """Connects to nothing yet. Raises ConfigurationError."""
    url = f"s3://{bucket}/{prefix}".rstrip("/")
    try:
        remote = S3Store(
            bucket,
            prefix=prefix or None,
            config=_config(bucket, options),
            client_options=_client_options(options),
            retry_config=NO_RETRY,
            credential_provider=_given_keys(options),
        )
    except (BaseError, ValueError) as error:
        raise _unusable(url, error) from None
    return ObjectStore(remote, url, _confirmation(remote, url, options) if options.encryption else None)


def other_store(scheme: str, bucket: str, prefix: str, options: StoreOptions) -> ObjectStore:
    """`gs` or `az`, with the credentials that the host offers. Raises ConfigurationError."""
    url = f"{scheme}://{bucket}/{prefix}".rstrip("/")
    try:
        remote = from_url(url, client_options=_client_options(options), retry_config=NO_RETRY)
    except (BaseError, ValueError) as error:
        raise _unusable(url, error) from None
    return ObjectStore(remote, url)


def _unusable(url: str, error: Exception) -> ConfigurationError:
    hint = "what is not configured comes from the environment: AWS_…, GOOGLE_…, AZURE_STORAGE_ACCOUNT_NAME"
    return ConfigurationError(f"{url} cannot be used so: {str(error).splitlines()[0]}", hint=hint)


def _client_options(options: StoreOptions) -> "ClientConfig":
    """Raises ConfigurationError when the file of the certificate authority cannot be read."""
    chosen: ClientConfig = {
        "allow_http": options.allow_http,
        "connect_timeout": timedelta(seconds=options.connect_timeout),
        "timeout": timedelta(seconds=options.timeout),
    }
    if options.ca_file:
        try:
            chosen["root_certificate"] = options.ca_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"ca_file {options.ca_file}: {error.strerror}") from None
    return chosen


def _config(bucket: str, options: StoreOptions) -> "S3Config":
    config: S3Config = {"disable_bulk_delete": True}
    if options.region:
        config["region"] = options.region
    if options.endpoint:
        config["endpoint"] = options.endpoint if options.path_style else _with_bucket(options.endpoint, bucket)
        config["virtual_hosted_style_request"] = not options.path_style
    if options.checksum:
        config["checksum_algorithm"] = options.checksum
    if options.encryption:
        config["server_side_encryption"] = options.encryption
    if options.sse_kms_key:
        config["sse_kms_key_id"] = options.sse_kms_key
    return config


def _with_bucket(endpoint: str, bucket: str) -> str:
    """`https://host` as `https://bucket.host`."""
    parts = urlsplit(endpoint)
    host = parts.netloc if parts.netloc.startswith(f"{bucket}.") else f"{bucket}.{parts.netloc}"
    return parts._replace(netloc=host).geturl()


def _given_keys(options: StoreOptions) -> "Callable[[], S3Credential] | None":
    """As a provider: then nothing in the environment (an old AWS_SESSION_TOKEN) mixes with them."""
    if options.access_key is None or options.secret_key is None:
        return None
    keys: S3Credential = {
        "access_key_id": options.access_key,
        "secret_access_key": options.secret_key,
        "token": options.session_token,
        "expires_at": None,
    }
    return lambda: keys


def _confirmation(remote: S3Store, url: str, options: StoreOptions) -> Callable[[str], None]:
    """Asks for the object's headers, which obstore does not show, by a signed URL.

    x-amz-server-side-encryption and -aws-kms-key-id say how the object is kept (S3 API reference, HeadObject).
    """
    context = ssl.create_default_context()
    if options.ca_file:
        context.load_verify_locations(options.ca_file)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))

    def confirm(name: str) -> None:
        with translated(url, name):
            signed = obstore.sign(remote, "HEAD", name, _SIGNED_FOR)
        request = urllib.request.Request(signed, method="HEAD")  # noqa: S310 - obstore made it, from our endpoint
        try:
            with opener.open(request, timeout=options.timeout) as answer:
                kept = answer.headers.get("x-amz-server-side-encryption")
                key = answer.headers.get("x-amz-server-side-encryption-aws-kms-key-id")
        except urllib.error.HTTPError as error:
            with error:
                _refuse_or_retry(error.code, url, name)
        except (OSError, http.client.HTTPException) as error:
            raise StoreUnavailable(f"{url} took {name} and went away before its encryption was confirmed") from error
        else:
            _judge(url, name, options, kept, key)

    return confirm


def _refuse_or_retry(status: int, url: str, name: str) -> None:
    what = f"{url} took {name}, but does not tell how it is encrypted (HTTP {status})"
    if status >= 500 or status == 429:
        raise StoreUnavailable(what)
    raise StoreRefused(what, hint="allow reading the object (s3:GetObject), or do without `sse`")


def _judge(url: str, name: str, options: StoreOptions, kept: str | None, key: str | None) -> None:
    """An alias cannot be compared with the key it stands for: then only that some key was used is confirmed."""
    asked = options.sse_kms_key
    right_key = asked is None or (key is not None and ("alias/" in asked or key == asked or key.endswith(f"/{asked}")))
    if kept != options.encryption or not right_key:
        wanted = f"{options.encryption} with {asked}" if asked else options.encryption
        found = (f"{kept} with {key}" if key else kept) if kept else "without encryption by the store"
        raise StoreRefused(
            f"{url} was asked to keep {name} by {wanted}, and keeps it {'by ' * bool(kept)}{found}",
            hint="the store ignores or changes sse: correct its settings or the key, or do without `sse`",
        )
