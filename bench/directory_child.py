"""What bench.directory measures: one base or one restore by the directory driver, in this process."""

import sys
from pathlib import Path

from planaria.drivers.contract import Recovery, Surroundings, Target
from planaria.drivers.directory.driver import create as create_driver
from planaria.drivers.directory.options import DirectoryOptions
from planaria.repository.base_reader import open_base
from planaria.repository.base_writer import BaseWriter
from planaria.repository.bases import newest_base
from planaria.repository.limits import Limits
from planaria.repository.recipients import identity_from_text, new_identity
from planaria.repository.repository import Repository, create, open_repository
from planaria.service.system_clock import SystemClock, system_randomness
from planaria.storage.local import LocalStore

COMPONENT = "tree"
CLOCK = SystemClock()


class Archive:
    """A directory writes bases only."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def begin_base(self) -> BaseWriter:
        return BaseWriter(self._repository, COMPONENT, "directory", Limits())

    def journal(self, stream: str) -> None:
        raise NotImplementedError

    def tail(self, stream: str) -> None:
        raise NotImplementedError


def main() -> None:
    folder, verb, *where = sys.argv[1:]
    store, key = LocalStore(Path(folder)), Path(f"{folder}.identity")
    if verb == "create":
        text, recipient = new_identity(system_randomness)
        create(store, CLOCK, system_randomness, [recipient])
        key.write_text(text)
        return
    identity = identity_from_text(key.read_text())
    repository = open_repository(store, CLOCK, system_randomness, identity=identity)
    surroundings = Surroundings(CLOCK, lambda what, done, total: None, print, lambda: False)
    driver = create_driver(DirectoryOptions(driver="directory", path=Path(where[0])), surroundings, {})
    if verb == "base":
        driver.base(Archive(repository))  # type: ignore[arg-type]
    else:
        record = newest_base(repository, COMPONENT)
        assert record is not None
        recovery = Recovery(open_base(repository, record, Limits()), {}, None)
        driver.restore(recovery, Target(directory=Path(where[0])))


if __name__ == "__main__":
    main()
