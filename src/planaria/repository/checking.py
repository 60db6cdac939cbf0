"""The whole check: what is there, whether it fits together, and, with `read`, whether every byte can be read back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from planaria.core.errors import Failed, RepositoryRefused
from planaria.core.nearest import unknown
from planaria.repository.bases import is_there
from planaria.repository.check import check_keys, check_root, check_runs, check_structure
from planaria.repository.check_journals import check_journals
from planaria.repository.check_reading import IN_TURN, Progress, read_in_turn, turns
from planaria.repository.check_report import Report
from planaria.repository.check_state import CheckState
from planaria.repository.layout import APART, component_of, what_is
from planaria.repository.repository import Repository


def components(repository: Repository) -> list[str]:
    """Every component that has objects, without listing them all: names may not reach behind `~`."""
    found, after = [], ""
    while (info := next(repository.store.list("", after), None)) is not None:
        first = component_of(info.name)
        if first not in APART and any(what_is(one.name) for one in repository.store.list(f"{first}/")):
            found.append(first)
        after = f"{first}/~"
    return found


def run_check(
    repository: Repository,
    *,
    components: Sequence[str] | None = None,
    read: bool = False,
    budget_seconds: float | None = None,
    state: CheckState,
    progress: Progress,
) -> Report:
    """Of `components`, or of all. `state` is saved, whatever ends the check.

    Raises Failed when there is nothing to check, UnknownName, RepositoryRefused for `read` without an identity, errors
    of the store.
    """
    if read and repository.identity is None:
        raise RepositoryRefused(
            "this host has no identity: it can check the structure, and cannot read data back",
            hint="run check --read where repository.identity is set; planaria check without --read works here",
        )
    return _Check(repository, read, budget_seconds, state, progress).run(components)


@dataclass(slots=True)
class _Check:
    repository: Repository
    read: bool
    budget: float | None
    state: CheckState
    progress: Progress
    report: Report = field(default_factory=Report)
    began: float = 0.0

    def run(self, wanted: Sequence[str] | None) -> Report:
        self.began = self.repository.clock.monotonic()
        self.report.remembered = self.state.remembers
        try:
            names = self._names(wanted)
            self._inventory(names, whole=wanted is None)
            check_root(self.repository, self.report)
            check_runs(self.repository, self.report)
            check_keys(self.repository, self.report, read=self.read)
            found = {name: check_structure(self.repository, name, self.report) for name in names}
            if self.read:
                read_in_turn(self.repository, found, self.report, self.state, self._go_on, self.progress)
            for name in names:
                check_journals(self.repository, name, found[name].bases, self.report, self.state, self._go_on)
            self._oldest(names)
        finally:
            self.state.save()
        if not names and not self.report.findings:
            raise Failed("there is nothing to check: no component has been protected in this repository yet")
        self.report.seconds = self.repository.clock.monotonic() - self.began
        return self.report

    def _names(self, wanted: Sequence[str] | None) -> list[str]:
        there = components(self.repository)
        for name in wanted or ():
            if name not in there:
                raise unknown("component in the repository", name, there)
        return [name for name in there if wanted is None or name in wanted]

    def _go_on(self) -> bool:
        return self.budget is None or self.repository.clock.monotonic() - self.began < self.budget

    def _inventory(self, names: Sequence[str], *, whole: bool) -> None:
        """Counts what is there, and finds what nobody knows, or what an earlier check saw and is gone."""
        lasting: dict[str, set[str]] = {"": set(), **{name: set() for name in names}}
        prefixes = ("",) if whole else (*APART, *(f"{name}/" for name in names))
        for info in (info for prefix in prefixes for info in self.repository.store.list(prefix)):
            what, component = what_is(info.name), component_of(info.name)
            component = component if component in names else ""
            self.report.objects += 1
            if what is None:
                self.report.found("unknown", component, info.name, f"no part of the format explains {info.name}")
                continue
            self.report.counts[what] = self.report.counts.get(what, 0) + 1
            if what not in IN_TURN:
                lasting[component].add(info.name)
        for component, present in lasting.items():
            for name in self.state.lost(component, present):
                if not is_there(self.repository, name):
                    detail = f"{name} was here at an earlier check and is missing"
                    self.report.found("missing", component, name, detail)

    def _oldest(self, names: Iterable[str]) -> None:
        infos = (turn.info for turn in turns(self.repository, names, self.state))
        unread = [self.state.read_at(info.name) or info.modified_at for info in infos]
        self.report.oldest_unread = min(unread, default=None)
