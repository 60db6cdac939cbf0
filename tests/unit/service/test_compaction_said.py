"""Housekeeping that goes wrong is said once, and once more when it works again."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from planaria.service import follow


class Minutes:
    """An event that never comes: so many waits are over at once, then it has come."""

    def __init__(self, count: int) -> None:
        self.left = count

    def wait(self, seconds: float) -> bool:
        assert seconds == follow.COMPACT_EVERY
        self.left -= 1
        return self.left < 0


def test_a_compaction_that_fails_every_minute_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    troubles = iter([None, "denied: a", "denied: b", "denied: c", None, None, "denied: d"])
    monkeypatch.setattr(follow, "_compacted", lambda environment, component: next(troubles))
    said: list[str] = []
    environment = SimpleNamespace(host=SimpleNamespace(warn=said.append))
    follow._compact(cast(Any, environment), ["redis"], cast(Any, Minutes(7)))
    assert said == [
        "The journal of redis cannot be compacted: denied: a",
        "The journal of redis is compacted again.",
        "The journal of redis cannot be compacted: denied: d",
    ]
