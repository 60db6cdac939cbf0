"""Following: what is resumed, acknowledged, stamped, and how it ends."""

import time
from pathlib import Path

import pytest
import redis

from planaria.core.instant import SECOND
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Target
from tests.support.redis_data import load, write
from tests.support.redis_running import BOTH, Run, offset_of, poll, to_server
from tests.support.redis_server import Servers


def told(run: Run, what: str) -> list[object]:
    return [value for name, value in run.archive.journals[MAIN].told if name == what]


@pytest.mark.parametrize("family", BOTH)
def test_a_second_follow_goes_on_where_the_first_ended(servers: Servers, tmp_path: Path, family: str) -> None:
    source = servers(family)
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_base()
        write(client, 1)
        run.catch_up(source)
    with source.client() as client:
        write(client, 2)  # while nobody follows
    with run.following():
        run.await_exact()
        run.catch_up(source)

    assert len(run.archive.bases) == 1
    assert [begun[2] for begun in told(run, "begin")][1:] == ["the follower was away"]  # type: ignore[index]
    recovery = Recovery(run.archive.bases[0], run.archive.journals, None, latest=True)
    run.driver.restore(recovery, Target(directory=tmp_path / "restored"))
    settings = {"include": str(tmp_path / "restored" / "start.conf")}
    assert servers(family, settings=settings, directory=tmp_path / "restored").digest() == source.digest()


def test_a_crash_inside_a_command_loses_and_doubles_nothing(servers: Servers) -> None:
    """The journal may end anywhere: the stream is asked for from the last place that is known, and not kept twice."""
    source = servers("valkey")
    run, clean = to_server(source), to_server(source)
    with clean.following(), source.client() as client:
        clean.await_base()
        with run.following():
            run.await_base()
            for seed in range(5):
                write(client, seed)
            end = run.catch_up(source)
        start = run.archive.bases[0].facts.positions[MAIN].offset
        for cut in range(end - 1, end - 400, -37):
            run.archive.journals[MAIN].cut(cut)
            with run.following():
                run.await_offset(end)
        clean.catch_up(source)
        write(client, 9)
        with run.following():
            end = run.catch_up(source)
        clean.await_offset(end)

    assert len(run.archive.bases) == 1
    assert stream_bytes(run, start, end) == stream_bytes(clean, start, end)
    journal = run.archive.journals[MAIN]
    assert journal.segments[-1].hint is not None, "places to parse from must be given again"


def stream_bytes(run: Run, start: int, end: int) -> bytes:
    lineage = run.tail().position.lineage
    pieces = run.archive.journals[MAIN].pieces(Position(lineage, start), Position(lineage, end))
    data = bytearray()
    for piece in pieces:
        data += piece.data[max(0, start + len(data) - piece.offset) :]
    return bytes(data[: end - start])


@pytest.mark.parametrize("family", BOTH)
def test_an_idle_source_makes_every_second_reachable(servers: Servers, family: str) -> None:
    source = servers(family)
    run = to_server(source)
    with run.following():
        run.await_exact()
        begun = run.tail().at
        poll(lambda: run.tail().at > begun + 2 * SECOND, "the journal to go on without a write")
    assert told(run, "quiet")


@pytest.mark.parametrize("family", BOTH)
def test_wait_means_backed_up_where_durable_is_acknowledged(servers: Servers, family: str) -> None:
    source = servers(family)
    run = to_server(source, ack="durable")
    with run.following(), source.client() as client:
        run.await_exact()
        client.set("a", "1")
        assert client.wait(1, 5000) == 1
        run.archive.journals[MAIN].durable_lag = 1_000_000  # the store is away: nothing becomes durable any more
        client.set("a", "2")
        assert client.wait(1, 1500) == 0
        run.archive.journals[MAIN].durable_lag = 0
        assert client.wait(1, 5000) == 1


def test_wait_is_never_satisfied_otherwise(servers: Servers) -> None:
    source = servers("valkey")
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_exact()
        client.set("a", "1")
        run.catch_up(source)
        assert client.wait(1, 1500) == 0


def test_nothing_is_acknowledged_before_there_is_a_base(servers: Servers) -> None:
    """A journal without its base brings nothing back."""
    source = servers("valkey")
    run = to_server(source, ack="durable")
    archive = run.archive
    commit = archive.hold_commits()
    with run.following(), source.client() as client:
        poll(lambda: MAIN in archive.journals and archive.journals[MAIN].segments, "the journal to begin")
        client.set("a", "1")
        run.catch_up(source)
        assert client.wait(1, 1500) == 0
        commit.set()
        assert client.wait(1, 5000) == 1


def test_values_of_many_megabytes_pass(servers: Servers, tmp_path: Path) -> None:
    source = servers("valkey")
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_base()
        client.set("large", b"\r\n*1\r\n$4\r\nEXEC\r\n" * 1_000_000)
        with client.pipeline(transaction=True) as transaction:
            for n in range(20):
                transaction.set(f"large:{n}", b"x" * 1_000_000)
            transaction.execute()
        client.set("after", "1")
        run.catch_up(source)
    run.driver.restore(
        Recovery(run.archive.bases[0], run.archive.journals, None, latest=True), Target(directory=tmp_path / "restored")
    )
    settings = {"include": str(tmp_path / "restored" / "start.conf")}
    assert servers("valkey", settings=settings, directory=tmp_path / "restored").digest() == source.digest()


@pytest.mark.parametrize("family", BOTH)
def test_stopping_takes_less_than_a_second_under_load(servers: Servers, family: str) -> None:
    source = servers(family)
    run = to_server(source)
    with source.client() as client:
        load(client)
        with run.following():
            run.await_exact()
            flood(client)
            began = time.monotonic()
        assert time.monotonic() - began < 1.5
    assert run.tail().position.offset <= offset_of(source)
    assert told(run, "flush")


def flood(client: "redis.Redis") -> None:
    pipe = client.pipeline(transaction=False)
    for n in range(20_000):
        pipe.set(f"key:{n}", "v" * 100)
    pipe.execute()


def test_a_source_with_a_scheduled_base_keeps_one_lineage(servers: Servers, tmp_path: Path) -> None:
    """A base taken beside a running journal can be recovered from with that journal."""
    source = servers("valkey")
    run = to_server(source)
    with run.following(), source.client() as client:
        run.await_exact()
        write(client, 1)
        run.driver.base(run.archive)
        write(client, 2)
        offset = run.catch_up(source)
    lineage = run.tail().position.lineage
    assert run.archive.bases[1].facts.positions[MAIN].lineage == lineage
    recovery = Recovery(run.archive.bases[1], run.archive.journals, {MAIN: Position(lineage, offset)})
    run.driver.restore(recovery, Target(directory=tmp_path / "restored"))
    settings = {"include": str(tmp_path / "restored" / "start.conf")}
    assert servers("valkey", settings=settings, directory=tmp_path / "restored").digest() == source.digest()


@pytest.mark.parametrize("family", BOTH)
def test_a_unix_socket_is_followed(servers: Servers, family: str) -> None:
    source = servers(family)
    run = Run({"url": f"unix://{source.socket_path}"})
    with run.following(), source.client() as client:
        run.await_exact()
        client.set("a", "1")
        run.catch_up(source)
