"""URLs understood, and failed connections said."""

import socket
import ssl

import pytest

from planaria.core.errors import ComponentRefused, ComponentUnavailable, ConfigurationError
from planaria.drivers.redis.client import refusal
from planaria.drivers.redis.endpoint import Access, Endpoint, explained, parse_url
from planaria.drivers.redis.source import at_url

HERE = Endpoint("redis.example", 6379)


@pytest.mark.parametrize(
    ("url", "endpoints", "service", "tls"),
    [
        ("redis://h", (Endpoint("h", 6379),), None, False),
        ("redis://h:7000", (Endpoint("h", 7000),), None, False),
        ("rediss://h", (Endpoint("h", 6379),), None, True),
        ("valkey://h:1", (Endpoint("h", 1),), None, False),
        ("valkeys://h", (Endpoint("h", 6379),), None, True),
        ("redis://[::1]:7000", (Endpoint("::1", 7000),), None, False),
        ("redis://[::1]", (Endpoint("::1", 6379),), None, False),
        ("unix:///run/redis.sock", (Endpoint(path="/run/redis.sock"),), None, False),
        ("redis+sentinel://a,b:7/main", (Endpoint("a", 26379), Endpoint("b", 7)), "main", False),
        ("rediss+sentinel://a/main", (Endpoint("a", 26379),), "main", True),
    ],
)
def test_a_url_says_where(url: str, endpoints: tuple[Endpoint, ...], service: str | None, tls: bool) -> None:
    address = parse_url(url)
    assert (address.endpoints, address.service, address.tls) == (endpoints, service, tls)


def test_credentials_of_a_url_are_decoded_and_go_before_others() -> None:
    source = at_url("redis://us%40er:p%2Fw%3A@h", Access("other", "else"))
    assert (source.access.username, source.access.password) == ("us@er", "p/w:")
    assert at_url("redis://h", Access("other", "else")).access.password == "else"
    assert at_url("redis://:only@h", Access("other", "else")).access.username is None


@pytest.mark.parametrize(
    "url", ["redis://", "redis://:pw@", "redis://h:99999", "redis://h:x", "unix://", "ftp://h", "h"]
)
def test_what_is_no_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        parse_url(url)
    assert "pw" not in wrong.value.message


def test_an_address_is_shown_as_people_write_it() -> None:
    assert [str(one) for one in (HERE, Endpoint("::1", 1), Endpoint(path="/s"))] == [
        "redis.example:6379",
        "[::1]:1",
        "/s",
    ]


def test_secrets_are_in_no_representation() -> None:
    assert "hidden" not in repr(at_url("redis://u:hidden@h", Access("a", "hidden")))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (ConnectionRefusedError(), ComponentUnavailable, "nothing listens at redis.example:6379"),
        (TimeoutError(), ComponentUnavailable, "did not answer in time"),
        (socket.gaierror(-2, "unknown"), ComponentUnavailable, "redis.example cannot be resolved"),
        (FileNotFoundError(), ComponentUnavailable, "there is no socket at"),
        (PermissionError(), ComponentRefused, "may not open"),
        (ConnectionResetError(104, "reset"), ComponentUnavailable, "broke: reset"),
        (ssl.SSLError(1, "wrong version"), ComponentRefused, "does not complete a TLS handshake"),
        (ssl.SSLEOFError(8, "EOF occurred"), ComponentUnavailable, "broke: EOF occurred"),
    ],
)
def test_a_failed_connection_is_said_with_what_to_do(error: Exception, kind: type[Exception], said: str) -> None:
    made = explained(HERE, error, tls=False)
    assert type(made) is kind
    assert said in made.message
    assert made.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("WRONGPASS invalid username-password pair", ComponentRefused),
        ("NOAUTH Authentication required.", ComponentRefused),
        ("ERR AUTH <password> called without any password configured for the default user", ComponentRefused),
        ("NOPERM this user has no permissions to run the 'psync' command", ComponentRefused),
        ("LOADING Redis is loading the dataset in memory", ComponentUnavailable),
        ("MASTERDOWN Link with MASTER is down", ComponentUnavailable),
        ("BUSY Redis is busy running a script", ComponentUnavailable),
        ("CLUSTERDOWN Hash slot not served", ComponentUnavailable),
    ],
)
def test_an_answer_of_the_server_is_waited_out_or_mended(answer: str, kind: type[Exception]) -> None:
    made = refusal(HERE, answer)
    assert type(made) is kind
    assert made.hint
