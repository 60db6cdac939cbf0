from pathlib import Path

import pytest
from bench.__main__ import DOCUMENT, PARTS
from bench.report import block, replaced

from planaria.core.instant import Instant

DOCUMENT_OF_TWO = """\
# Figures

<!-- one: measured -->
old rows
<!-- one: end -->

What limits it.

<!-- two: measured -->
others
<!-- two: end -->
"""


def test_new_rows_take_the_place_of_old_ones_and_nothing_else_changes() -> None:
    assert replaced(DOCUMENT_OF_TWO, "one", "new\nrows\n") == DOCUMENT_OF_TWO.replace("old rows", "new\nrows")


def test_what_was_measured_is_put_down_as_it_is() -> None:
    assert r"a \1 b" in replaced(DOCUMENT_OF_TWO, "two", r"a \1 b")


@pytest.mark.parametrize("document", [DOCUMENT_OF_TWO.replace("one: end", "one"), 2 * DOCUMENT_OF_TWO])
def test_rows_without_one_place_of_their_own_are_refused(document: str) -> None:
    with pytest.raises(ValueError, match="one: measured"):
        replaced(document, "one", "rows")


def test_a_block_says_how_when_and_where_and_keeps_its_table_whole() -> None:
    found = block(["python", "-m", "it"], Instant(0), "2 cores", "", "1 key\n\n| a |\n|---|\n| 1 |\n")
    assert found == "`python -m it`, 1970-01-01 00:00:00Z, 2 cores.\n\n1 key\n\n| a |\n|---|\n| 1 |"


def test_rows_get_the_head_that_they_lack() -> None:
    assert block(["it"], Instant(0), "here", "| a |\n|---|", "| 1 |\n").endswith("here.\n\n| a |\n|---|\n| 1 |")


def test_every_program_has_a_place_in_the_document() -> None:
    document = Path(DOCUMENT).read_text()
    for programs in PARTS.values():
        for program in programs:
            assert program.name in replaced(document, program.name, "rows")
