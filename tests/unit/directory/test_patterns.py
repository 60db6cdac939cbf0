import pytest

from planaria.drivers.directory.patterns import matcher

CASES = [
    ("*.tmp", "a.tmp", True),
    ("*.tmp", "deep/down/a.tmp", True),
    ("*.tmp", "a.tmp.gz", False),
    ("cache", "x/cache/y/z", True),
    ("cache/", "x/cache", True),
    ("cache/*", "cache/a", True),
    ("cache/*", "x/cache/a", False),
    ("/cache", "cache/a", True),
    ("/cache", "x/cache", False),
    ("etc/*.conf", "etc/a/b.conf", False),
    ("etc/**/*.conf", "etc/b.conf", True),
    ("etc/**/*.conf", "etc/a/c/b.conf", True),
    ("**/log", "log", True),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("[!a]b", "ab", False),
    ("[!a]b", "cb", True),
    ("[ab]c", "bc", True),
    ("a.b", "axb", False),
    ("a+(b)", "a+(b)", True),
    ("new\nline", "new\nline", True),
]


@pytest.mark.parametrize(("pattern", "path", "expected"), CASES)
def test_globs_mean_what_people_expect(pattern: str, path: str, expected: bool) -> None:
    assert matcher([pattern])(path) is expected


def test_without_patterns_nothing_matches() -> None:
    assert not matcher([])("a")


@pytest.mark.parametrize("pattern", ["", "/", "//"])
def test_a_pattern_that_would_match_all_by_being_empty_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="matches nothing"):
        matcher([pattern])


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not a pattern"):
        matcher(["[z-a]"])
