"""The name that was probably meant."""

from collections.abc import Collection
from difflib import get_close_matches

from planaria.core.errors import UnknownName, UsageError

_LISTED = 12
_LONGEST = 80


def nearest(word: str, known: Collection[str]) -> str | None:
    """The one of `known` most like `word`, in whatever case; None when none is near."""
    lowered = {name.lower(): name for name in known}
    found = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def unknown(kind_of_thing: str, word: str, known: Collection[str]) -> UnknownName:
    """`there is no component 'reddis'; did you mean 'redis'?`, with the known names as its hint. To be raised."""
    near = nearest(word, known)
    question = f"; did you mean {near!r}?" if near else ""
    return UnknownName(f"there is no {kind_of_thing} {cut(word)!r}{question}", hint=known_names(known))


def the_only(kind_of_thing: str, beginning: str, known: Collection[str]) -> str:
    """The one of `known` that is `beginning`, or alone begins so. Raises UnknownName, UsageError."""
    if beginning in known:
        return beginning
    matching = [name for name in known if name.startswith(beginning)]
    if len(matching) > 1:
        raise UsageError(f"{len(matching)} begin with {cut(beginning)!r}", hint=known_names(matching))
    if not matching:
        raise unknown(kind_of_thing, beginning, known)
    return matching[0]


def known_names(known: Collection[str]) -> str:
    """`known: kafka, redis`, cut after a dozen."""
    names = sorted(known)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED])}{more}" if names else "there are none yet"


def cut(text: str) -> str:
    """What a user typed, short enough to be repeated."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
