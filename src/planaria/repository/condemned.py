"""Packs that must not be relied on any more: `<component>/gc/<time>-<random>` marks name them (format.md, section 11).

A writer takes their chunks as absent, and stores them again where it meets them: a repository heals by being used.
"""

from collections.abc import Iterable

from planaria.core.errors import DamagedData
from planaria.core.instant import in_name
from planaria.repository.layout import what_is
from planaria.repository.records import get_record, put_record
from planaria.repository.repository import Repository
from planaria.repository.sealed import Kind


def condemn(repository: Repository, component: str, packs: Iterable[bytes], reason: str) -> None:
    """Marks packs by their digests. Raises errors of the store."""
    name = f"{component}/gc/{in_name(repository.clock.now())}-{repository.random_hex(4)}"
    facts = {"packs": sorted(pack.hex() for pack in packs), "reason": reason}
    put_record(repository, component, Kind.MARK, name, facts)


def condemned(repository: Repository, component: str) -> frozenset[bytes]:
    """The digests of all packs that a mark names. A damaged mark is `check`'s to report, and names none."""
    found: set[bytes] = set()
    for info in repository.store.list(f"{component}/gc/"):
        try:
            facts = get_record(repository, component, Kind.MARK, info.name).facts
            found.update(bytes.fromhex(pack) for pack in facts["packs"])
        except (DamagedData, KeyError, ValueError, TypeError):
            continue
    return frozenset(found)


def present(repository: Repository, component: str) -> frozenset[bytes]:
    """The digests of all packs that the store lists."""
    names = (info.name for info in repository.store.list(f"{component}/packs/") if what_is(info.name) == "pack")
    return frozenset(bytes.fromhex(name.rpartition("/")[2]) for name in names)
