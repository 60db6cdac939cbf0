"""A real S3 on loopback: Debian's ceph-mon, ceph-osd and radosgw, one of each, in memory, up in a second.

Made small: one object store daemon that keeps everything in memory, no manager, pools of one copy, and a monitor that
does not wait for others before it decides (paxos).
"""

import os
import shutil
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import obstore
import pytest
from obstore.store import S3Store

from planaria.storage.options import StoreOptions

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY, SECRET_KEY, KMS_KEY = "ACCESSKEYOFTESTS", "secret-key-of-tests", "testkey-1"
START_SECONDS = 60.0

_CONFIGURATION = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {root}/keyring
run dir = {root}
admin socket =
log file = {root}/$name.log
pid file = {root}/$name.pid
mon data = {root}/mon
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 0
mon osd full ratio = 1.0
paxos propose interval = 0.02
paxos min wait = 0.01
osd data = {root}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = {kms_key}=YmluCmJvb3N0CmJvb3N0LWJ1aWxkCmNlcGguY29uZgo=
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Radosgw:
    root: Path
    port: int = field(default_factory=_free_port)
    kms_key: str = KMS_KEY
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _buckets: Iterator[int] = field(default_factory=count)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> StoreOptions:
        return StoreOptions(
            endpoint=self.endpoint,
            region="us-east-1",
            access_key=ACCESS_KEY,
            secret_key=SECRET_KEY,
            path_style=True,
            allow_http=True,
            timeout=60,
        )

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"bucket-{next(self._buckets)}"
        target = S3Store(
            name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            client_options={"allow_http": True},
        )
        signed = obstore.sign(target, "PUT", "", timedelta(minutes=1))
        with urllib.request.urlopen(urllib.request.Request(signed, method="PUT", data=b""), timeout=30):  # noqa: S310 - signed for our own server
            return name

    def start(self) -> None:
        fsid, osd, mon_port = str(uuid.uuid5(uuid.NAMESPACE_URL, str(self.root))), _osd_id(self.root), _free_port()
        configuration = _CONFIGURATION.format(
            fsid=fsid, root=self.root, mon_port=mon_port, port=self.port, kms_key=self.kms_key
        )
        (self.root / "ceph.conf").write_text(configuration)
        (self.root / "osd").mkdir()
        self._make_keys()
        address = f"[v2:127.0.0.1:{mon_port}]"
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, f"{self.root}/monmap", plain=True)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", f"{self.root}/monmap")
        self._serve("ceph-mon", "-i", "a")
        self._run("ceph", "--connect-timeout", "30", "osd", "new", osd)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._serve("ceph-osd", "-i", "0")
        self._serve("radosgw", "-n", "client.admin")
        self._await_answer()
        keys = (f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
        self._run("radosgw-admin", "user", "create", "--uid=tests", "--display-name=tests", *keys)

    def _make_keys(self) -> None:
        everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *")
        for number, entity in enumerate(("mon.", "client.admin", "osd.0")):
            create = ("--create-keyring",) if number == 0 else ()
            keyring = f"{self.root}/keyring"
            self._run("ceph-authtool", keyring, *create, "--gen-key", "-n", entity, *everything, plain=True)

    def _run(self, program: str, *arguments: str, plain: bool = False) -> None:
        command = [program, *(() if plain else ("-c", f"{self.root}/ceph.conf")), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"

    def _serve(self, program: str, *arguments: str) -> None:
        with (self.root / f"{program}.out").open("wb") as out:
            command = [program, "-c", f"{self.root}/ceph.conf", *arguments, "-f"]
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=out, cwd=self.root))

    def _await_answer(self) -> None:
        patience = threading.Event()
        for _ in range(int(START_SECONDS / 0.05)):
            assert all(one.poll() is None for one in self.processes), self._said()
            try:
                with urllib.request.urlopen(self.endpoint, timeout=5):  # noqa: S310 - our own server
                    return
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                patience.wait(0.05)
        raise AssertionError(f"radosgw did not answer: {self._said()}")

    def _said(self) -> str:
        logs = [*self.root.glob("*.out"), *self.root.glob("*.log")]
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1000:]}" for log in logs)

    def stop(self) -> None:
        """By pid; nothing they hold needs saving."""
        for process in reversed(self.processes):
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
        self.processes.clear()


def _osd_id(root: Path) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{root}/osd"))


@pytest.fixture(scope="session")
def radosgw() -> Iterator[Radosgw]:
    """One server for all tests of a worker; each test takes a bucket of its own."""
    if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.skip(f"Debian's ceph-mon, ceph-osd and radosgw are not installed ({', '.join(absent)} missing)")
    with TemporaryDirectory(prefix="rgw") as directory:
        server = Radosgw(Path(directory))
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture
def bucket(radosgw: Radosgw) -> Callable[[], str]:
    """Makes a new bucket at each call."""
    return radosgw.bucket
