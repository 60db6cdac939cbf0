"""Cron lines: what every cron understands is taken, the rest is refused with the field that is wrong."""

import pytest

from planaria.settings.schedule import checked


@pytest.mark.parametrize(
    "text",
    [
        "0 2 * * *",
        "*/5 * * * *",
        "0 */6 * * *",
        "0,30 9-17 1-15/2 jan,JUL mon-fri",
        "59 23 31 12 7",
        "0 0 29 2 *",
        "0 0 31 2 mon",
        "0 0 31 2/2 *",
        "10/20 * * * *",
        "  0   2 * * *  ",
    ],
)
def test_five_fields_are_taken(text: str) -> None:
    assert checked(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must have five fields"),
        ("@daily", "must have five fields"),
        ("0 2 * *", "must have five fields"),
        ("0 0 2 * * *", "must have five fields"),
        ("60 * * * *", "'minute' goes from 0 to 59"),
        ("0 24 * * *", "'hour' goes from 0 to 23"),
        ("0 0 0 * *", "'day of month' goes from 1 to 31"),
        ("0 0 1 13 *", "'month' goes from 1 to 12"),
        ("0 0 1 foo *", "'month' goes from 1 to 12"),
        ("0 0 * * 8", "'day of week' goes from 0 to 7"),
        ("jan 0 * * *", "'minute' goes from 0 to 59"),
        ("30-10 * * * *", "'minute' names no value: 30-10"),
        ("*/0 * * * *", "'minute' names no value"),
        ("a-b * * * *", "'minute' is not understood"),
        ("-5 * * * *", "'minute' is not understood"),
        ("1,,2 * * * *", "'minute' is not understood"),
        ("٥ * * * *", "'minute' is not understood"),
        ("0 0 L * *", "'day of month' is not understood"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 2,4,6 *", "never fires"),
    ],
)
def test_what_cron_would_not_run_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        checked(text)
