"""`--only` chooses databases and keys as KEYS would."""

import time

import pytest

from planaria.core.errors import UsageError
from planaria.drivers.redis.patterns import glob, selection


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("h?llo", ["hello", "hallo", "h\nllo"], ["hllo", "heello", "hello "]),
        ("h*llo", ["hllo", "heeeello", "h\nllo"], ["hell", "ahllo"]),
        ("h[ae]llo", ["hello", "hallo"], ["hillo", "h]llo"]),
        ("h[^e]llo", ["hallo", "h^llo"], ["hello"]),
        ("h[a-c]llo", ["hallo", "hbllo", "hcllo"], ["hdllo", "h-llo"]),
        ("h[c-a]llo", ["hbllo"], ["hdllo"]),
        ("h\\*llo", ["h*llo"], ["hello", "h\\llo"]),
        ("h[\\]a]llo", ["h]llo", "hallo"], ["h\\llo"]),
        ("h\\", ["h\\"], ["h"]),
        ("[ab", ["a", "b"], ["[ab", "ab"]),
        ("[]a", [], ["a", "]a", "[]a"]),
        ("[^]", ["x"], ["", "xx"]),
        ("*", ["", "anything"], []),
        ("**", ["", "anything"], []),
        ("a**b", ["ab", "axb"], ["a", "abc"]),
        ("*a*b*", ["ab", "xaxbx", "aab"], ["ba", "a"]),
        ("a.c", ["a.c"], ["abc"]),
        ("user:*:name", ["user::name", "user:1:2:name"], ["user:name", "user:1:names"]),
        ("*:1:*:1", [":1::1", "x:1:y:1:1"], [":1:1"]),
        ("", [""], ["x"]),
    ],
)
def test_patterns_of_keys(pattern: str, matches: list[str], others: list[str]) -> None:
    compiled = glob(pattern.encode())
    assert [key for key in matches + others if compiled.match(key.encode())] == matches


def test_bytes_that_are_no_text_match_themselves() -> None:
    assert glob(b"\xff\x00[\x80-\x90]").match(b"\xff\x00\x85")
    assert not glob(b"\xff\x00[\x80-\x90]").match(b"\xff\x00\x91")


def test_a_hostile_pattern_takes_no_longer_than_its_length_times_the_keys() -> None:
    """With ways back, this would take longer than the universe lasts."""
    pattern = glob(b"*a" * 60 + b"*b")
    started = time.perf_counter()
    assert not pattern.match(b"a" * 20_000)
    assert time.perf_counter() - started < 5


def test_databases_and_patterns_together() -> None:
    chosen = selection(["db:0", "key:a*", "db:3", "key:b"])
    assert chosen.keeps(0, b"abc")
    assert chosen.keeps(3, b"b")
    assert not chosen.keeps(1, b"abc")
    assert not chosen.keeps(0, b"bc")
    assert (chosen.keeps_db(0), chosen.keeps_db(1)) == (True, False)


def test_one_kind_alone_leaves_the_other_open() -> None:
    assert selection(["db:2"]).keeps(2, b"anything")
    assert selection(["key:x"]).keeps(9, b"x")
    assert selection([]).keeps(1, b"")


@pytest.mark.parametrize("only", ["db:", "db:x", "db:-1", "key:", "key", "table:x", ""])
def test_something_else_is_refused_with_an_example(only: str) -> None:
    with pytest.raises(UsageError) as caught:
        selection([only])
    assert "db:0" in (caught.value.hint or "")
