"""What object names mean (recovery_kit/FORMAT.md, section 1). A name that no rule explains is nobody's. Pure."""

import re
from typing import Literal, cast

What = Literal["root", "kit", "key", "run", "pack", "index", "base", "lease", "receipt", "segment", "bundle", "mark"]

_TIMED = r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]+"
_COMPONENT = r"[a-z0-9][a-z0-9-]*"
_PLACE = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}/[0-9a-f]{16}-[0-9a-f]{16}-[0-9a-f]+"
_RULES: dict[What, str] = {
    "root": r"planaria\.json",
    "kit": r"recovery-kit/\d+/[A-Za-z0-9._-]+",
    "key": r"keys/(?:repository|[0-9a-f]+)/[0-9a-f]+",
    "run": rf"runs/{_TIMED}",
    "pack": rf"{_COMPONENT}/packs/(?P<hh>[0-9a-f]{{2}})/(?P=hh)[0-9a-f]{{62}}",
    "index": rf"{_COMPONENT}/index/\d+/[0-9a-f]+",
    "base": rf"{_COMPONENT}/bases/{_TIMED}",
    "lease": rf"{_COMPONENT}/sessions/{_TIMED}",
    "receipt": rf"{_COMPONENT}/sessions/{_TIMED}\.end",
    "mark": rf"{_COMPONENT}/gc/{_TIMED}",
    "segment": rf"{_COMPONENT}/journal/{_PLACE}",
    "bundle": rf"{_COMPONENT}/bundles/(?:minute|hour|day)/{_PLACE}",
}
_TOP = ("root", "kit", "key", "run")
_ANY = re.compile("|".join(f"(?P<{what}>{rule})" for what, rule in _RULES.items()))

APART = ("keys", "markers", "planaria.json", "probe", "recovery-kit", "runs")
"""First parts of object names that are no component's."""


def what_is(name: str) -> What | None:
    """None: no part of the format explains this name."""
    matched = _ANY.fullmatch(name)
    if matched is None:
        return None
    what = cast(What, matched.lastgroup)
    return what if (component_of(name) in APART) == (what in _TOP) else None


def component_of(name: str) -> str:
    """The first part of a name."""
    return name.partition("/")[0]
