"""Looking before leaping: everything that a base and a journal will need of the servers, and how to mend what lacks."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509

from planaria.core.errors import ComponentRefused, PlanariaError
from planaria.core.instant import to_datetime
from planaria.drivers.contract import Finding, Surroundings
from planaria.drivers.redis.capture import kind_and_version, numbers
from planaria.drivers.redis.client import Commands, denied
from planaria.drivers.redis.discover import Shard, settled, shards
from planaria.drivers.redis.endpoint import Endpoint, dial
from planaria.drivers.redis.source import Source

OLDEST = {"redis": (6, 2), "valkey": (7, 2)}
ABSENCE = 600
"""Seconds of writes that a backlog should hold: a restart or an upgrade of this host."""
EXPIRING = 14
"""Days before a certificate's end that are worth a word."""
RIGHTS = {
    "psync": ("PSYNC", "?", "x"),
    "replconf": ("REPLCONF", "capa", "eof"),
    "info": ("INFO", "replication"),
    "config|get": ("CONFIG", "GET", "maxmemory"),
    "acl|list": ("ACL", "LIST"),
    "function|list": ("FUNCTION", "LIST"),
    "function|dump": ("FUNCTION", "DUMP"),
    "module|list": ("MODULE", "LIST"),
}
"""What is tried for each right. A PSYNC without a number fails before anything is sent (Redis 7 and Valkey on)."""
REQUIRED = {"psync", "replconf", "info"}


def probe(source: Source, surroundings: Surroundings) -> list[Finding]:
    """Never raises for what is found wrong: each is a finding, and what cannot be looked at then is left out."""
    try:
        source = settled(source)
        found = shards(source)
    except PlanariaError as error:
        return [Finding("reachable", False, error.message, error.hint)]
    findings: list[Finding] = []
    for shard in found:
        findings += _shard(source, shard, surroundings, several=len(found) > 1)
    if source.cluster:
        findings.append(_slots(found))
    return findings


def _slots(found: list[Shard]) -> Finding:
    moving = [slot for shard in found for slot in shard.moving]
    covered = sum(last - first + 1 for shard in found for first, last in shard.slots)
    if moving:
        fix = "wait for the resharding to end, or run redis-cli --cluster fix"
        return Finding("cluster", False, f"slots are being moved: {', '.join(moving[:3])}", fix)
    if covered < 16384:
        return Finding(
            "cluster", False, f"{16384 - covered} slots belong to nobody", "redis-cli --cluster fix HOST:PORT"
        )
    return Finding("cluster", True, f"{len(found)} shards hold all slots")


def _shard(source: Source, shard: Shard, surroundings: Surroundings, *, several: bool) -> list[Finding]:
    name = f" of {shard.master}" if several else ""
    server = _Server(source, shard.master, surroundings, name)
    try:
        with Commands(shard.master, source.access) as commands:
            server.look(commands)
    except PlanariaError as error:
        server.findings.append(Finding(f"reachable{name}", False, error.message, error.hint))
        return server.findings
    if source.prefer_replica:
        server.note(
            "replica",
            bool(shard.replicas),
            f"{len(shard.replicas)} in sync" if shard.replicas else "there is none in sync: the master is read",
            "start a replica, or leave prefer_replica out",
        )
    return server.findings


@dataclass(slots=True)
class _Server:
    """What is found of one server."""

    source: Source
    endpoint: Endpoint
    surroundings: Surroundings
    suffix: str
    findings: list[Finding] = field(default_factory=list)

    def note(self, check: str, ok: bool, detail: str, fix: str) -> None:
        self.findings.append(Finding(check + self.suffix, ok, detail, None if ok else fix))

    def look(self, commands: Commands) -> None:
        server = commands.info("server")
        kind, version = kind_and_version(server)
        self.note("reachable", True, f"{kind} {version} at {self.endpoint}", "")
        oldest = ".".join(map(str, OLDEST[kind]))
        self.note(
            "version",
            numbers(version) >= OLDEST[kind],
            f"{kind} {version}",
            f"upgrade to {kind} {oldest} or later: what older ones send has not been tried",
        )
        self._rights(commands, kind, version)
        for section in (self._replication, self._memory, self._clock):
            section(commands)
        self._settings(commands)
        if self.source.access.tls is not None:
            self._certificate()

    def _rights(self, commands: Commands, kind: str, version: str) -> None:
        """By trying: the questions that would tell (ACL GETUSER, ACL DRYRUN) are for administrators."""
        tried = {right: command for right, command in RIGHTS.items() if right != "psync" or harmless(kind, version)}
        answers = commands.ask_all(list(tried.values()))
        lacking = [right for right, answer in zip(tried, answers, strict=True) if denied(answer)]
        needed = sorted(REQUIRED.intersection(lacking))
        detail = "everything that is needed"
        if needed:
            detail = f"our user may not {', '.join(needed)}"
        elif lacking:
            detail = f"our user may not {', '.join(lacking)}: what they show would be missing beside a base"
        user = self.source.access.username or "default"
        self.note("rights", not lacking, detail, f"ACL SETUSER {user} {' '.join(f'+{one}' for one in lacking)}")

    def _replication(self, commands: Commands) -> None:
        info = commands.info("replication")
        if info.get("role") == "slave" and info.get("master_link_status") != "up":
            master = f"{info.get('master_host')}:{info.get('master_port')}"
            self.note(
                "replication", False, f"it is a replica cut off from {master}", "mend its link, or name the master"
            )
        backlog = int(info.get("repl_backlog_size", "0"))
        uptime = max(1, int(commands.info("server").get("uptime_in_seconds", "1")))
        # The replication offset stands still while there is no replica; what clients send is there always.
        rate = int(commands.info("stats").get("total_net_input_bytes", "0")) / uptime
        seconds = backlog / rate if rate else float("inf")
        enough = seconds >= ABSENCE
        held = f"about {seconds:.0f} s of what it is sent" if seconds < 1e6 else "more than it is sent in days"
        wanted = max(1, round(rate * ABSENCE / (1 << 20) + 0.5))
        self.note(
            "backlog",
            enough,
            f"{_mib(backlog)} hold {held}: a longer absence of ours costs a new base",
            f"CONFIG SET repl-backlog-size {wanted}mb (and CONFIG REWRITE)",
        )

    def _memory(self, commands: Commands) -> None:
        """A base forks the server: pages that change meanwhile are held twice."""
        info = commands.info("memory")
        used, total = int(info.get("used_memory_rss", "0")), int(info.get("total_system_memory", "0"))
        if not total:
            return
        ok = used * 1.5 < total
        detail = f"{_mib(used)} used of {_mib(total)}: a base forks the server, and pages that change are held twice"
        self.note("memory", ok, detail, "set prefer_replica: true, or take bases when little is written")

    def _clock(self, commands: Commands) -> None:
        before = self.surroundings.clock.now()
        try:
            seconds, micros = (int(one) for one in commands.ask("TIME"))
        except ComponentRefused:
            return
        skew = (seconds * 1_000_000 + micros - (before + self.surroundings.clock.now()) // 2) / 1_000_000
        fix = "run NTP on both: points in time are by this host's clock"
        self.note("clock", abs(skew) < 1.0, f"its clock is {abs(skew):.1f} s {'ahead' if skew > 0 else 'behind'}", fix)

    def _settings(self, commands: Commands) -> None:
        try:
            settings = commands.settings()
        except ComponentRefused:
            return  # said by `rights`
        hard, soft, seconds = _replica_limit(settings)
        ok = hard == 0 or hard >= 256 << 20
        detail = "none" if not hard and not soft else f"{_mib(hard)}, or {_mib(soft)} for {seconds} s"
        fix = 'CONFIG SET client-output-buffer-limit "replica 256mb 64mb 60"'
        self.note("output buffer for replicas", ok, detail + ": beyond it the server cuts our link", fix)
        if settings.get("repl-diskless-sync") == "no":
            detail = "bases go through a file on the server's own disk first (repl-diskless-sync no)"
            self.findings.append(Finding("diskless" + self.suffix, True, detail))
        minimum = settings.get("min-replicas-to-write", "0")
        if minimum not in ("", "0"):
            detail = f"min-replicas-to-write is {minimum}, and a follower counts as one of them"
            fix = "raise it by one, unless you mean it so"
            self.note("replicas to write", self.source.acknowledge_durable, detail, fix)

    def _certificate(self) -> None:
        try:
            ends = _certificate_end(self.source, self.endpoint)
        except PlanariaError as error:
            self.note("certificate", False, error.message, error.hint or "")
            return
        days = (ends - to_datetime(self.surroundings.clock.now())).days
        self.note("certificate", days >= EXPIRING, f"ends in {days} days ({ends:%Y-%m-%d})", "renew it")
        tls = self.source.access.tls
        self.note(
            "verified", tls is None or tls.verify, "any certificate is accepted: tls.verify is false", "set tls.ca"
        )


def harmless(kind: str, version: str) -> bool:
    """Does a malformed PSYNC do nothing there? Redis 6.2 would answer it with a full synchronisation."""
    return kind == "valkey" or numbers(version) >= (7,)


def _certificate_end(source: Source, endpoint: Endpoint) -> datetime:
    connection = dial(endpoint, source.access)
    try:
        if not isinstance(connection, ssl.SSLSocket):
            raise ComponentRefused(f"{endpoint} speaks no TLS")
        der = connection.getpeercert(binary_form=True)
    finally:
        connection.close()
    if not der:
        raise ComponentRefused(f"{endpoint} showed no certificate")
    return x509.load_der_x509_certificate(der).not_valid_after_utc.astimezone(UTC)


def _replica_limit(settings: Mapping[str, str]) -> tuple[int, int, int]:
    """(hard, soft, seconds) of `client-output-buffer-limit`: `normal 0 0 0 slave 268435456 67108864 60 …`."""
    words = settings.get("client-output-buffer-limit", "").split()
    for index, word in enumerate(words):
        if word in ("slave", "replica") and len(words) > index + 3:
            return int(words[index + 1]), int(words[index + 2]), int(words[index + 3])
    return 0, 0, 0


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"
