"""The network between follower and source, cut at every state of the protocol: no byte is lost, doubled or invented."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from planaria.core.instant import SECOND
from planaria.core.position import Position
from planaria.drivers.contract import MAIN, Recovery, Target
from tests.support.proxy import Proxy, proxy
from tests.support.redis_data import load, write
from tests.support.redis_running import RealClock, Run, poll
from tests.support.redis_server import Servers, running

NEVER = 1 << 60
HANDSHAKE = range(0, 110, 8)
"""Bytes of the source's behind which the link is cut: in `+PONG`, `+OK`, `+FULLRESYNC …`, the payload's header."""


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    with running(tmp_path) as started:
        yield started


def through(wire: Proxy, **options: object) -> Run:
    """Not asking the source what it is, so that the second connection is the link."""
    return Run({"url": wire.url, "cluster": False, **options})


def journal_bytes(run: Run, start: int, end: int) -> bytes:
    lineage = run.tail().position.lineage
    data = bytearray()
    for piece in run.archive.journals[MAIN].pieces(Position(lineage, start), Position(lineage, end)):
        data += piece.data[max(0, start + len(data) - piece.offset) :]
    return bytes(data[: end - start])


def proven(run: Run, clean: Run, end: int) -> None:
    """What was kept through the faults equals what an undisturbed follower kept, from the base on."""
    base = run.archive.bases[-1]
    start = base.facts.positions[MAIN].offset
    assert journal_bytes(run, start, end) == journal_bytes(clean, start, end)


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_cut_in_the_handshake_or_the_dump_it_is_begun_again(servers: Servers, diskless: str) -> None:
    source = servers("valkey", settings={"repl-diskless-sync": diskless})
    with source.client() as client:
        load(client, 100)
    clean = Run({"url": source.url})
    with clean.following():
        clean.await_exact()
        dump = len(clean.archive.bases[0].files["dump.rdb"][1])
        for budget in (
            *(HANDSHAKE if diskless == "yes" else ()),
            200,
            dump // 2,
            dump,
            dump + 70,
            dump + 110,
            dump + 150,
        ):
            with proxy(source.port, [NEVER, budget]) as wire:
                run = through(wire)
                with run.following(), source.client() as client:
                    run.await_base()
                    write(client, budget, 5)
                    end = run.catch_up(source)
                assert wire.cuts >= 1
                assert any("interrupted" in one or "no new base" in one for one in run.warnings)
            assert len(run.archive.bases) == 1
            clean.await_offset(end)
            proven(run, clean, end)


def test_cut_again_and_again_in_the_stream_it_goes_on_at_the_byte(servers: Servers, tmp_path: Path) -> None:
    source = servers("valkey")
    clean = Run({"url": source.url})
    with clean.following(), source.client() as client, proxy(source.port) as wire:
        clean.await_exact()
        run = through(wire)
        with run.following():
            run.await_exact()
            for cut in range(1, 6):
                # The link's next connection brings so much more, the one for questions is not touched.
                wire.cut_after = [NEVER, 97 * cut, NEVER, NEVER]
                write(client, cut)
                wire.cut()
                write(client, 100 + cut)
                run.catch_up(source)
            end = run.catch_up(source)
        clean.await_offset(end)
    assert len(run.archive.bases) == 1
    proven(run, clean, end)
    begins = [value for name, value in run.archive.journals[MAIN].told if name == "begin"]
    assert len(begins) > 5
    assert {begun[2] for begun in begins[1:]} == {"the link was cut"}  # type: ignore[index]

    run.driver.restore(
        Recovery(run.archive.bases[0], run.archive.journals, None, latest=True), Target(directory=tmp_path / "restored")
    )
    settings = {"include": str(tmp_path / "restored" / "start.conf")}
    assert servers("valkey", settings=settings, directory=tmp_path / "restored").digest() == source.digest()


def test_a_link_that_is_up_but_brings_nothing_is_given_up(servers: Servers) -> None:
    """As when a firewall forgets a connection: nobody is told."""
    source = servers("valkey")
    with proxy(source.port) as wire, source.client() as client:
        run = through(wire, silence="2s")
        with run.following():
            run.await_exact()
            wire.stall()
            client.set("a", "1")
            poll(lambda: any("has sent nothing for 2 s" in one for one in run.warnings), "the silence to be noticed")
            quiet = run.tail().at
            wire.go_on()
            run.catch_up(source)
            run.await_exact()
            poll(lambda: run.tail().at > quiet, "stamps to go on")
    assert len(run.archive.bases) == 1


def test_no_second_counts_as_complete_while_the_link_is_stalled(servers: Servers) -> None:
    source = servers("valkey")
    with proxy(source.port) as wire, source.client() as client:
        run = through(wire)
        with run.following():
            run.await_exact()
            wire.stall()
            client.set("a", "1")
            stalled = run.tail().at
            poll(lambda: RealClock().now() > stalled + 3 * SECOND, "three seconds to pass", 10)
            assert run.tail().at < stalled + SECOND
            wire.go_on()
            run.catch_up(source)
            poll(lambda: run.tail().at > stalled + 3 * SECOND, "stamps to go on")


def test_a_source_that_refuses_for_a_while_is_waited_for(servers: Servers) -> None:
    source = servers("valkey")
    with proxy(source.port) as wire, source.client() as client:
        run = through(wire)
        with run.following():
            run.await_exact()
            wire.refusing = True
            wire.cut()
            client.set("a", "1")
            poll(lambda: sum("trying again in" in one for one in run.warnings) >= 3, "three attempts")
            wire.refusing = False
            run.catch_up(source)
            poll(lambda: "following main goes on" in run.warnings, "that it goes on to be said")
