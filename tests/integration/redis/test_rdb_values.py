"""What RDB decoding, fingerprints and filters claim, against what real servers answer."""

from collections.abc import Iterator

import pytest

from planaria.drivers.redis import aof
from planaria.drivers.redis.commands import keys_of
from planaria.drivers.redis.digest import Digest, digest_of_dump, digest_of_rdb, function_entry
from planaria.drivers.redis.patterns import glob, selection
from planaria.drivers.redis.rdb import RdbCheck
from planaria.drivers.redis.rdb_filter import filtered
from planaria.drivers.redis.rdb_read import Key, items
from planaria.drivers.redis.resp import commands
from planaria.drivers.redis.stream import StreamFilter
from tests.support.redis_answers import ask, keys, value
from tests.support.redis_running import BOTH
from tests.support.redis_server import Server, Servers
from tests.support.redis_zoo import LIBRARY, SMALL, fill

VERSIONS = {"redis": (7, 0), "valkey": (9, 1)}
LARGE = {name: "10000" for name in SMALL if name != "list-compress-depth"}
DBS = (0, 3)


def filled(servers: Servers, family: str, settings: dict[str, str]) -> Server:
    server = servers(family, settings=settings)
    with server.client() as client:
        fill(client, VERSIONS[family])
    return server


def dumped(server: Server) -> bytes:
    with server.client() as client:
        ask(client, "SAVE")
    return (server.directory / "dump.rdb").read_bytes()


def live_digest(server: Server) -> str:
    """By SCAN, DUMP and PEXPIRETIME, as where no replication is allowed."""
    digest = Digest()
    with server.client() as client:
        for db in DBS:
            for key in keys(client, db):
                expiry = ask(client, "PEXPIRETIME", key)
                payload = ask(client, "DUMP", key)
                digest.add_entry(digest_of_dump(db, key, None if expiry == -1 else expiry, payload))
        for library in ask(client, "FUNCTION", "LIST", "WITHCODE"):
            told = dict(zip(library[::2], library[1::2], strict=True))
            digest.add_entry(function_entry(told[b"library_code"]))
    return digest.hexdigest()


@pytest.mark.parametrize("family", BOTH)
@pytest.mark.parametrize("settings", [SMALL, LARGE], ids=["small", "large"])
def test_decoded_values_are_the_servers_answers(servers: Servers, family: str, settings: dict[str, str]) -> None:
    server = filled(servers, family, settings)
    data = dumped(server)
    found = {(item.db, item.key): item for item in items([data]) if isinstance(item, Key)}
    with server.client() as client:
        assert {(db, key) for db in DBS for key in keys(client, db)} == set(found)
        for db in DBS:
            for key in keys(client, db):
                item = found[db, key]
                assert (item.type, item.value()) == value(client, key), key
                assert ask(client, "PEXPIRETIME", key) == (-1 if item.expire_at is None else item.expire_at)
                assert item.dump() == ask(client, "DUMP", key), key
    assert digest_of_rdb([data])[0] == live_digest(server)


@pytest.mark.parametrize("family", BOTH)
def test_entries_of_any_length_are_read(servers: Servers, family: str) -> None:
    """What stands behind an entry to go back over it grows with the entry; a stream packs entries of any length."""
    server = servers(family, settings={"rdbcompression": "no"})
    sizes = [*range(58, 70), *range(120, 132), *range(4090, 4100), *range(16_374, 16_388), *range(2_097_140, 2_097_156)]
    with server.client() as client:
        for size in sizes:
            ask(client, "XADD", "stream", "*", "field", b"x" * size)
        found = [item.value() for item in items([dumped(server)]) if isinstance(item, Key)]
        assert found == [value(client, b"stream")[1]]


@pytest.mark.parametrize("family", BOTH)
def test_fingerprint_does_not_depend_on_encodings_or_reloading(servers: Servers, family: str) -> None:
    source = filled(servers, family, SMALL)
    target = servers(family, settings=LARGE)
    with source.client() as client, target.client() as other:
        for db in DBS:
            ask(other, "SELECT", db)
            for key in keys(client, db):
                expiry = max(0, ask(client, "PEXPIRETIME", key))
                ask(other, "RESTORE", key, expiry, ask(client, "DUMP", key), "ABSTTL")
        ask(other, "FUNCTION", "LOAD", LIBRARY)
        expected = digest_of_rdb([dumped(source)])
        assert digest_of_rdb([dumped(target)]) == expected
        ask(other, "SELECT", 0)
        ask(other, "HSET", "hash:large", "field 7", "8")
        assert digest_of_rdb([dumped(target)])[0] != expected[0]
        ask(other, "HSET", "hash:large", "field 7", "7")
        assert digest_of_rdb([dumped(target)]) == expected


@pytest.mark.parametrize("family", BOTH)
def test_fingerprint_of_a_replica_is_that_of_its_master(servers: Servers, family: str) -> None:
    """Everything that it covers is replicated exactly: deliveries of streams too, whose commands are rewritten."""
    master = servers(family)
    replica = servers.replica_of(master)
    with master.client() as client:
        fill(client, VERSIONS[family])
        for words in (
            "XREADGROUP GROUP readers first COUNT 2 STREAMS stream:groups >",
            "XCLAIM stream:groups readers second 0 1000-1 1001-2",
            "XAUTOCLAIM stream:groups readers third 0 0 COUNT 2",
            "XACK stream:groups readers 1001-2",
            "XGROUP DELCONSUMER stream:groups readers second",
            "XTRIM stream:groups MAXLEN 8",
            "EXPIRE string:packed 5000",
            "SET other 1 EX 5000",
            "SPOP set:large 7",
            "ZADD zset:small 1e17 large -0.0 zero",
            "INCRBYFLOAT float 0.1",
            "HINCRBYFLOAT hash:small d 0.3",
            "GETEX string:63 PX 5000000",
            "LMOVE list:nodes list:other LEFT RIGHT",
            "SORT set:many DESC ALPHA STORE list:sorted",
            "EVAL redis.call('set','from','script','EX',5000) 0",
        ):
            ask(client, *words.split(" "))
        ask(client, "WAIT", 1, 10_000)
        assert digest_of_rdb([dumped(replica)]) == digest_of_rdb([dumped(master)])


@pytest.mark.parametrize("family", BOTH)
def test_a_server_loads_a_filtered_rdb_with_exactly_the_chosen_keys(servers: Servers, family: str) -> None:
    source = filled(servers, family, SMALL)
    chosen = selection(["key:*:large*", "key:stream:*", "key:else*"])
    pieces = list(filtered([dumped(source)], chosen.keeps))
    expected = Digest()
    with source.client() as client:
        for db in DBS:
            for key in keys(client, db):
                if chosen.keeps(db, key):
                    kind, found = value(client, key)
                    expected.add(db, key, kind, None, found)
    target = source.directory.parent / "filtered"
    target.mkdir()
    (target / "dump.rdb").write_bytes(b"".join(pieces))
    server = servers(family, directory=target)
    data = dumped(server)
    assert digest_of_rdb([data])[0] == expected.hexdigest()
    assert digest_of_rdb([data])[1] == {0: 6, 3: 1}
    check = RdbCheck()
    for piece in pieces:
        check.feed(piece)
    check.finish()


WRITES = """
SET user:1 a
MSET user:2 b other:2 c
INCR other:counter
RPUSH user:list 1 2 3
RPUSH other:list 1 2 3
MULTI
SET user:3 in-transaction EX 10000
SET other:3 x
EXEC
RENAME user:list other:moved
DEL user:2 other:2
SADD user:set a b c
SADD other:set c d
SMOVE other:set user:set d
SMOVE user:set other:set a
SUNIONSTORE other:union user:set other:set
COPY user:1 user:copy
COPY user:1 other:copy
ZADD user:zset 1 a 2 b
ZPOPMIN user:zset
XADD user:stream * field value
SELECT 3
SET user:4 elsewhere PX 10000000
SET other:4 elsewhere
MOVE user:4 0
EVAL return(redis.call('mset','user:5','1','other:5','2')) 0
"""


@pytest.mark.parametrize("family", BOTH)
def test_a_filtered_stream_leads_to_the_chosen_keys_of_the_whole(servers: Servers, family: str) -> None:
    """An append-only file is a replication stream: filter it, let a server load it, and compare."""
    source = servers(family, settings={"appendonly": "yes", "appendfsync": "always"})
    with source.client() as client:
        for line in WRITES.strip().splitlines():
            ask(client, *line.split())
    manifest = aof.parse((source.directory / aof.DIRECTORY / aof.manifest_name()).read_text())
    raw = b"".join((source.directory / aof.DIRECTORY / file.name).read_bytes() for file in manifest.increments)
    chosen = selection(["key:user:*"])
    filter = StreamFilter(chosen, db=0)
    left = b"".join(filter.take(command, 0) for command in commands(raw, 0))
    restored = aof.restored()
    assert restored.base is not None
    directory = source.directory.parent / "restored" / aof.DIRECTORY
    directory.mkdir(parents=True)
    whole = dumped(source)
    (directory / restored.base.name).write_bytes(b"".join(filtered([whole], lambda db, key: False)))
    (directory / restored.increments[0].name).write_bytes(left)
    (directory / aof.manifest_name()).write_text(restored.text())
    target = servers(family, directory=directory.parent, settings=aof.server_options())
    expected = digest_of_rdb(filtered([whole], chosen.keeps))
    assert digest_of_rdb([dumped(target)]) == expected
    assert expected[1] == {0: 7, 3: 1}
    assert b"other:" not in left


@pytest.mark.parametrize("family", BOTH)
def test_patterns_match_as_keys_does(servers: Servers, family: str) -> None:
    names = [b"hello", b"hallo", b"h-llo", b"h]llo", b"h\\llo", b"h*llo", b"hllo", b"heeello", b"[ab", b"a", b"b", b"^"]
    patterns = [b"h?llo", b"h*llo", b"h[ae]llo", b"h[^e]llo", b"h[b-a]llo", b"h\\*llo", b"h[\\]]llo", b"h[a-]llo"]
    patterns += [b"[ab", b"[^", b"[", b"[^]", b"\\[ab", b"**a**", b"*l*l*o", b"?", b"h[[-]llo", b"h\\", b"*", b"[a\\"]
    server = servers(family)
    with server.client() as client:
        ask(client, "MSET", *(word for name in names for word in (name, b"1")))
        for pattern in patterns:
            expected = sorted(ask(client, "KEYS", pattern))
            assert sorted(name for name in names if glob(pattern).match(name)) == expected, pattern


def writing(server: Server) -> Iterator[tuple[bytes, tuple[int, int, int]]]:
    """Every command that writes, with the places of its keys as the server tells them."""
    with server.client() as client:
        for name, _, flags, first, last, step, *_ in ask(client, "COMMAND"):
            if {b"write", "write"} & set(flags) and not {b"movablekeys", "movablekeys"} & set(flags) and first:
                yield name, (first, last, step)


@pytest.mark.parametrize("family", BOTH)
def test_every_writing_command_of_the_server_has_its_keys_where_it_says(servers: Servers, family: str) -> None:
    seen = 0
    for name, (first, last, step) in writing(servers(family)):
        args = [name, *(b"%d" % number for number in range(1, 9))]
        stop = last + 1 if last >= 0 else len(args) + last + 1
        found = keys_of(args)
        assert sorted(found.changed + found.read) == args[first:stop:step], name
        seen += 1
    assert seen > 80
