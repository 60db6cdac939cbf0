"""A server under load is followed, killed, and brought back to instants drawn at random: each is what it held then."""

import random
import signal

import pytest

from planaria.core.instant import SECOND, Instant
from tests.support.cli_host import CliHost, end, now, redis_component
from tests.support.history import History, inside, overlapping, second_host, windows
from tests.support.redis_running import BOTH, poll
from tests.support.redis_server import Servers


@pytest.mark.parametrize("family", BOTH)
def test_any_instant_is_what_the_server_held_then(host: CliHost, servers: Servers, family: str, seed: int) -> None:
    """Among them instants before and after a base that was taken while the follower ran."""
    source = servers(family)
    history = History(source, seed)
    host.configure(redis_component(source))
    follower = host.start("follow")
    try:
        host.await_followed("redis", now())
        with history.writing() as began:
            host.await_followed("redis", Instant(began + SECOND))
            middle = host("backup", "--json").result["bases"][0]
            host.await_followed("redis", Instant(now() + SECOND))
            ended = now()
    finally:
        assert end(follower).status == 0
    draw = random.Random(seed)
    proven = [history.proven(host, servers, at) for at in inside(host, draw, 6, began, ended)]
    sequences = [one["sequence"] for one in proven]
    assert sequences == sorted(sequences)
    assert sequences[0] < sequences[-1]
    assert middle["id"] in {one["base"] for one in proven}
    assert len({one["base"] for one in proven}) == 2


def test_two_hosts_follow_one_source_and_either_may_die(host: CliHost, servers: Servers, seed: int) -> None:
    source = servers("valkey")
    history = History(source, seed)
    host.configure(redis_component(source))
    other = second_host(host, "other")
    first = host.start("follow")
    second = None
    try:
        host.await_followed("redis", now())
        with history.writing() as began:
            second = other.start("follow")
            poll(lambda: overlapping(host), "both to see the same time as it happens")
            end(first, signal.SIGKILL)
            killed = now()
            host.await_followed("redis", Instant(killed + 3 * SECOND // 2))
            ended = now()
        assert end(second).status == 0
    finally:
        for one in (first, second):
            if one is not None and one.poll() is None:
                end(one, signal.SIGKILL)
    held = [one for one in windows(host) if one["from"] < one["to"]]
    draw = random.Random(seed)
    for at in (*inside(host, draw, 2, began, killed), *inside(host, draw, 2, killed, ended)):
        history.proven(host, servers, at)
    assert len(held) == 1, f"what one missed, the other has: {host('points', 'redis').out}"
