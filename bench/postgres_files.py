"""1.5 GB of real database files: a PostgreSQL cluster with pgbench tables and one of uuid, text and jsonb."""

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

SCALE = 70
MEMORIES = """
create table memory as select gen_random_uuid() id, md5(n::text) || md5((n * 7)::text) key,
  jsonb_build_object('n', n, 'tag', md5((n / 10)::text), 'when', now() + n * interval '1 s', 'score', random()) body
  from generate_series(1, 1300000) n;
create index on memory (id);
"""


def _programs() -> Path:
    """Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]


def make(folder: Path) -> Path:
    """`folder`/data, a cluster that was stopped cleanly; made once and used again."""
    data, done = folder / "data", folder / "complete"
    if done.exists():
        return data
    print(f"making {folder}/data, once", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    user = None if os.geteuid() else "postgres"  # PostgreSQL refuses to run as root
    if user:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    programs = _programs()

    def run(program: str, *arguments: str) -> None:
        environ = {**os.environ, "PGHOST": str(folder), "PGDATABASE": "postgres"}
        subprocess.run(
            [str(programs / program), *arguments],
            check=True,
            cwd=folder,
            user=user,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    run("initdb", "-D", str(data), "--data-checksums", "--auth=trust", "--no-sync")
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c max_wal_size=128MB -c fsync=off"
    run("pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
    try:
        run("pgbench", "-i", "-q", "-s", str(SCALE))
        run("psql", "-c", MEMORIES)
    finally:
        run("pg_ctl", "-D", str(data), "-w", "stop")
    done.touch()
    return data
