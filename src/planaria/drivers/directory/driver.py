"""The directory driver: any tree of files; base only. The contract's smallest example."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planaria.core.base import CommittedBase
from planaria.core.errors import Interrupted, PlanariaError, UsageError
from planaria.core.position import Position
from planaria.drivers.contract import (
    Archive,
    Capabilities,
    Change,
    Driver,
    Finding,
    Recovery,
    Restored,
    Surroundings,
    Target,
)
from planaria.drivers.directory.base import Taking
from planaria.drivers.directory.fingerprint import fingerprint
from planaria.drivers.directory.options import DirectoryOptions
from planaria.drivers.directory.patterns import matcher
from planaria.drivers.directory.plan import Plan, plan
from planaria.drivers.directory.restore import Restoring
from planaria.drivers.directory.tree import top, walk

CAPABILITIES = Capabilities(
    kind="directory", title="Any tree of files", journal=False, targets=("directory",), partial=("path:GLOB",)
)
PROBED = 10_000
"""Names that `probe` looks at; a base looks at all."""


@dataclass(frozen=True, slots=True)
class DirectoryDriver:
    """See `drivers.contract.Driver`."""

    options: DirectoryOptions
    surroundings: Surroundings

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def probe(self) -> list[Finding]:
        path = self.options.path
        try:
            top(path)
            count, unreadable = self._look()
        except PlanariaError as error:
            return [Finding("path", False, error.message, error.hint or f"create {path}")]
        if unreadable:
            detail = f"{len(unreadable)} files cannot be read by this user, e.g. {unreadable[0]}"
            return [Finding("rights", False, detail, "run as a user who may read them, or list them under `exclude`")]
        more = "the first " if count == PROBED else ""
        return [Finding("path", True, str(path)), Finding("rights", True, f"{more}{count} names can be read")]

    def _look(self) -> tuple[int, list[str]]:
        """(names looked at, those that we may not read)."""
        options = self.options
        excluded, one = matcher(options.exclude), options.one_file_system
        unreadable: list[str] = []
        count = 0
        for found in walk(options.path, excluded, one_file_system=one, vanished=lambda _: None):
            count += 1
            if not os.access(found.where, os.R_OK, follow_symlinks=False):
                unreadable.append(found.path)
            if count == PROBED:
                break
        return count, unreadable

    def position(self) -> Mapping[str, Position]:
        return {}

    def base(self, archive: Archive) -> CommittedBase:
        top(self.options.path)  # before the repository is asked for anything
        sink = archive.begin_base()
        try:
            return Taking(self.options, self.surroundings, sink).run()
        finally:
            sink.abandon()

    def follow(self, archive: Archive) -> None:
        """There is no journal to follow."""
        raise UsageError("a directory has no journal to follow", hint="give the component a schedule: bases are taken")

    def plan(self, recovery: Recovery, target: Target) -> list[Change]:
        return self._plan(recovery, target).changes()

    def _plan(self, recovery: Recovery, target: Target) -> Plan:
        options = self.options
        if target.directory is None and target.url is None:  # the configured directory itself
            target = replace(target, directory=options.path)
        return plan(recovery, target, matcher(options.exclude), one_file_system=options.one_file_system)

    def restore(self, recovery: Recovery, target: Target) -> Restored:
        """Reading the whole tree again for its fingerprint is left to whoever wants the proof."""
        return Restoring(self._plan(recovery, target), self.surroundings).run()

    def fingerprint(self, target: Target | None) -> str:
        root = self.options.path if target is None else target.directory
        if root is None:
            raise UsageError("a directory is looked at as a directory, not at a URL")
        top(root)
        one = self.options.one_file_system
        return fingerprint(root, matcher(self.options.exclude), one_file_system=one, passed=self._passed)

    def _passed(self, count: int) -> None:
        if self.surroundings.stopping():
            raise Interrupted("stopped before all was read")


def create(options: DirectoryOptions, surroundings: Surroundings, environ: Mapping[str, str]) -> Driver:
    """`environ` is not needed: a directory has no secrets."""
    return DirectoryDriver(options, surroundings)
