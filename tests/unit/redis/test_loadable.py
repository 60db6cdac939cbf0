"""Which server loads which base, decided before it flushes what it has."""

import pytest

from planaria.drivers.redis.loadable import loads, oldest


@pytest.mark.parametrize(
    ("kind", "version", "magic", "rdb", "expected"),
    [
        ("redis", "6.2.14", "REDIS", 9, True),
        ("redis", "6.2.14", "REDIS", 10, False),
        ("redis", "7.0.15", "REDIS", 10, True),
        ("redis", "7.0.15", "REDIS", 11, False),
        ("redis", "7.2.4", "REDIS", 11, True),
        ("redis", "7.4.0", "REDIS", 12, True),
        ("redis", "8.4.0", "REDIS", 13, False),
        ("redis", "8.10.1", "REDIS", 15, True),
        ("redis", "9.0.0", "REDIS", 15, True),
        ("redis", "8.10.1", "VALKEY", 80, False),
        ("valkey", "7.2.5", "REDIS", 11, True),
        ("valkey", "8.1.0", "REDIS", 12, False),
        ("valkey", "8.1.0", "VALKEY", 80, False),
        ("valkey", "9.1.2", "VALKEY", 80, True),
        ("valkey", "9.1.2", "REDIS", 11, True),
        ("valkey", "9.1.2", "REDIS", 12, False),
    ],
)
def test_a_server_loads_its_own_and_what_came_before(
    kind: str, version: str, magic: str, rdb: int, expected: bool
) -> None:
    assert loads(kind, version, magic, rdb) is expected


def test_the_servers_that_would_do_are_named() -> None:
    assert oldest("REDIS", 9) == "Redis 5.0 or later or Valkey"
    assert oldest("REDIS", 12) == "Redis 7.4 or later"
    assert oldest("VALKEY", 80) == "Valkey 9.0 or later"
