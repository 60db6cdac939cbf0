"""Encryption by the store: asked for, and believed only when the store says so of the object itself. And TLS."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from planaria.core.errors import StoreRefused, StoreUnavailable
from planaria.storage.contract import Store
from planaria.storage.open import open_store
from tests.integration.storage.odd_s3 import Answer, OddS3, Request, serving
from tests.support.clocks import ManualClock

SSE, KEY = "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id"
Key = ec.EllipticCurvePrivateKey
ARN = "arn:aws:kms:eu-west-1:123456789012:key/1234-abcd"


def opened(odd: OddS3, **more: object) -> Store:
    return open_store("s3://bucket/pre", odd.options(**more), ManualClock())


def keeping(**headers: str) -> Callable[[Request], Answer]:
    """A store that takes every put, and tells these headers of every object."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: Answer(headers={"ETag": '"e"'} | (told if request.method == "HEAD" else {}))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"sse": "AES256"}, {SSE: "AES256"}),
        ({"sse_kms_key": ARN}, {SSE: "aws:kms", KEY: ARN}),
        ({"sse_kms_key": "1234-abcd"}, {SSE: "aws:kms", KEY: ARN}),
        ({"sse_kms_key": "alias/backups"}, {SSE: "aws:kms", KEY: ARN}),
        ({"sse": "aws:kms"}, {SSE: "aws:kms", KEY: ARN}),
        ({"sse": "aws:kms:dsse", "sse_kms_key": ARN}, {SSE: "aws:kms:dsse", KEY: ARN}),
    ],
)
def test_what_was_done_as_asked_is_accepted(asked: dict[str, str], told: dict[str, str]) -> None:
    with serving(keeping(**told)) as odd:
        opened(odd, **asked).put("one", b"1")
        sent = odd.seen[0].headers
        assert sent[SSE] == told[SSE]
        assert sent.get(KEY) == asked.get("sse_kms_key")


@pytest.mark.parametrize(
    ("asked", "told", "said"),
    [
        ({"sse": "AES256"}, {}, "keeps it without encryption by the store"),
        ({"sse_kms_key": ARN}, {}, "keeps it without encryption by the store"),
        ({"sse_kms_key": ARN}, {SSE: "AES256"}, "keeps it by AES256"),
        ({"sse_kms_key": ARN}, {SSE: "aws:kms"}, "keeps it by aws:kms"),
        ({"sse_kms_key": ARN}, {SSE: "aws:kms", KEY: f"{ARN}-other"}, "keeps it by aws:kms with .*-other"),
        ({"sse_kms_key": "1234-abcd"}, {SSE: "aws:kms", KEY: "arn:key/x1234-abcd"}, "with arn:key/x1234-abcd"),
        ({"sse_kms_key": "alias/backups"}, {SSE: "aws:kms"}, "keeps it by aws:kms"),
        ({"sse": "aws:kms:dsse", "sse_kms_key": ARN}, {SSE: "aws:kms", KEY: ARN}, "keeps it by aws:kms"),
    ],
)
def test_a_store_that_ignores_or_changes_it_is_refused(asked: dict[str, str], told: dict[str, str], said: str) -> None:
    with serving(keeping(**told)) as odd, pytest.raises(StoreRefused, match=said) as raised:
        opened(odd, **asked).put("one", b"1")
    assert "sse" in (raised.value.hint or "")


def test_without_asking_nothing_is_confirmed() -> None:
    with serving(keeping()) as odd:
        opened(odd).put("one", b"1")
        assert [request.method for request in odd.seen] == ["PUT"]


@pytest.mark.parametrize(("status", "expected"), [(403, StoreRefused), (404, StoreRefused), (503, StoreUnavailable)])
def test_a_store_that_does_not_tell_is_not_believed(status: int, expected: type[Exception]) -> None:
    def behaviour(request: Request) -> Answer:
        return Answer(status) if request.method == "HEAD" else Answer(headers={"ETag": '"e"'})

    with serving(behaviour) as odd, pytest.raises(expected, match=f"HTTP {status}") as raised:
        opened(odd, sse="AES256").put("one", b"1")
    assert "Signature" not in str(raised.value)


def _certificate(name: str, key: Key, issuer: str, issuer_key: Key, *, authority: bool) -> bytes:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = datetime.now(UTC)
    made = x509.CertificateBuilder(named(issuer), named(name), key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    return made.add_extension(address, critical=False).sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The file of an authority; beside it lies `server.pem`, certificate and key of 127.0.0.1."""
    ours, servers = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    private = servers.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "server.pem").write_bytes(private + _certificate("s", servers, "ca", ours, authority=False))
    path = tmp_path / "ca.pem"
    path.write_bytes(_certificate("ca", ours, "ca", ours, authority=True))
    return path


def test_a_certificate_authority_of_ones_own_is_trusted_when_named_and_only_then(authority: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.with_name("server.pem"))
    with serving(keeping(**{SSE: "AES256"}), context) as odd:
        opened(odd, ca_file=authority, allow_http=False, sse="AES256").put("one", b"1")
        assert [request.method for request in odd.seen] == ["PUT", "HEAD"]
        with pytest.raises(StoreRefused, match="is not trusted") as raised:
            opened(odd, allow_http=False).put("two", b"2")
        assert len(odd.seen) == 2
    assert "ca_file" in (raised.value.hint or "")
