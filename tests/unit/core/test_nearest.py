"""Names that were probably meant."""

from planaria.core.errors import UnknownName
from planaria.core.nearest import nearest, unknown


def test_a_slip_of_the_finger_finds_its_name() -> None:
    assert nearest("reddis", ["postgres", "redis", "kafka"]) == "redis"
    assert nearest("REDIS", ["postgres", "redis"]) == "redis"
    assert nearest("kms", ["KMS_KEY", "Kms"]) == "Kms"


def test_something_else_finds_none() -> None:
    assert nearest("elasticsearch", ["postgres", "redis"]) is None
    assert nearest("", ["redis"]) is None
    assert nearest("redis", []) is None


def test_an_unknown_name_says_the_nearest_and_lists_the_known() -> None:
    error = unknown("component", "reddis", ["redis", "kafka"])
    assert isinstance(error, UnknownName)
    assert error.status == 2
    assert error.message == "there is no component 'reddis'; did you mean 'redis'?"
    assert error.hint == "known: kafka, redis"


def test_with_nothing_near_only_the_known_are_listed() -> None:
    error = unknown("component", "x", ["redis"])
    assert error.message == "there is no component 'x'"
    assert unknown("run", "x", []).hint == "there are none yet"


def test_what_was_typed_and_what_is_known_are_cut_to_a_readable_length() -> None:
    error = unknown("base", "x" * 100_000, [f"base-{number:03d}" for number in range(500)])
    assert len(error.message) < 120
    assert error.hint == "known: " + ", ".join(f"base-{number:03d}" for number in range(12)) + " and 488 more"
