import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planaria.drivers.directory.names import in_base, on_disk


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_any_bytes_come_back_from_a_path_that_is_text(name: bytes) -> None:
    path = in_base(os.fsdecode(name))
    path.encode()
    assert os.fsencode(on_disk(path)) == name


@given(st.lists(st.binary(min_size=1, max_size=6), unique=True, max_size=20))
def test_two_names_are_never_told_alike(names: list[bytes]) -> None:
    assert len({in_base(os.fsdecode(name)) for name in names}) == len(names)


def test_ordinary_names_read_as_they_are() -> None:
    assert in_base("Übersicht – 概要.txt") == "Übersicht – 概要.txt"


def test_text_that_is_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        on_disk("a\ud800")


def test_characters_that_stand_for_bytes_stand_for_themselves_too() -> None:
    names = ["a\uefff", os.fsdecode(b"a\xff"), "\uef80\uf000"]
    told = [in_base(name) for name in names]
    assert len(set(told)) == 3
    assert [on_disk(path) for path in told] == names
