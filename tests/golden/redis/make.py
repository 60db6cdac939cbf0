"""Makes the golden RDB of one server, and beside it what that server answers for each key: see README.md."""

import json
import sys
import tempfile
from pathlib import Path

from tests.support.redis_answers import ask, keys, plain, value
from tests.support.redis_server import running
from tests.support.redis_zoo import SMALL, fill

HERE = Path(__file__).parent


def make(family: str, policy: str, *unknown: str) -> None:
    """`unknown`: settings of the test servers that this one is too old for."""
    without: dict[str, str | list[str]] = {name: [] for name in unknown}
    with tempfile.TemporaryDirectory() as directory, running(Path(directory)) as servers:
        server = servers(family, settings=SMALL | {"maxmemory-policy": policy} | without)
        with server.client() as client:
            info = client.info("server")
            version = str(info.get("valkey_version", info["redis_version"]))
            fill(client, tuple(map(int, version.split(".")))[:2])
            ask(client, "SAVE")
            expected = {}
            for db in (0, 3):
                for key in keys(client, db):
                    kind, found = value(client, key)
                    expiry = None
                    if version >= "7":
                        expiry = ask(client, "PEXPIRETIME", key)
                    expected[f"{db} {key.decode('latin-1')}"] = [kind, expiry, plain(found)]
        name = f"{family}-{version}"
        (HERE / f"{name}.rdb").write_bytes((server.directory / "dump.rdb").read_bytes())
        (HERE / f"{name}.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    make(*sys.argv[1:])
