"""SIGKILL before and after every store call of a base: what was committed stays whole, the rest is invisible."""

import secrets
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from planaria.core.base import Entry
from planaria.repository import base_writer
from planaria.repository.base_writer import BaseWriter
from planaria.storage.hooked import Hooked, Method, When, at_call, die
from planaria.storage.local import LocalStore
from tests.support.faults import COMPONENT, Place, in_child
from tests.support.small_bases import FILES, LIMITS, OLD, committed, reads_of, write

WHENS: tuple[When, ...] = ("before", "after")
ENOUGH = 200


@pytest.fixture(autouse=True)
def _often_indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_writer, "INDEX_EVERY", 2)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "repository").mkdir()
    made = Place(LocalStore(tmp_path / "repository"), tmp_path, random=secrets.token_bytes)
    write(made, made.store, OLD)
    return made


def killed(place: Place, when: When) -> Iterator[tuple[int, Place]]:
    """The place as each further call leaves it when it is the last one."""
    for number in range(1, ENOUGH):
        root = place.folder / f"{when}-{number}"
        shutil.copytree(place.folder / "repository", root)
        copy = place.at(LocalStore(root))
        store = Hooked(copy.store, at_call(number, when, die))
        ended = in_child(partial(write, copy, store, FILES))
        if ended == 0:
            assert number > 10, "the hook was never reached"
            return
        assert ended == -9
        yield number, copy
    raise AssertionError("a base of twelve files has not come to its end")


@pytest.mark.parametrize("when", WHENS)
def test_at_any_call_the_base_before_stays_and_the_new_one_is_whole_or_absent(place: Place, when: When) -> None:
    seen = set()
    for _, copy in killed(place, when):
        found = committed(copy)
        assert found in ([OLD], [OLD, FILES])
        seen.add(len(found))
        write(copy, copy.store, FILES)
        assert committed(copy)[-1] == FILES, "the next attempt works"
    assert seen == {1, 2}, "it was killed on either side of the commit object"


def test_what_was_uploaded_is_used_again_by_the_next_attempt(place: Place) -> None:
    new = [write(copy, copy.store, FILES).chunks_new for _, copy in killed(place, "after")]
    assert new[0] == 10, "all but the two chunks that the base before holds"
    assert new[-1] == 0
    assert new == sorted(new, reverse=True)
    assert len(set(new)) > 3, "every index run counts, not the last alone"


def test_a_base_that_is_abandoned_leaves_nothing_to_see(place: Place) -> None:
    sink = BaseWriter(place.repository(), COMPONENT, "directory", LIMITS)
    for path, data in FILES.items():
        sink.add(Entry(path, len(data)), partial(reads_of, data)).wait()
    sink.abandon()
    sink.abandon()
    assert committed(place) == [OLD]


def test_calls_are_counted_over_all_methods(place: Place) -> None:
    """Else the loops above would end early and prove little."""
    calls: list[tuple[Method, str]] = []
    write(place, Hooked(place.store, lambda method, name, when: calls.append((method, name))), FILES)
    kinds = {name.split("/")[1] for _, name in calls if name.startswith(COMPONENT)}
    assert kinds >= {"index", "bases", "sessions", "packs"}
