"""What is shown can be typed again, and says what was meant to its precision; nothing typed breaks the parsers."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from planaria.core.quantities import SIZES, duration, rate, shown_duration, shown_rate, shown_size, size

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


@given(st.integers(0, 2**62))
def test_a_shown_size_reads_back_within_its_last_digit(count: int) -> None:
    assert abs(size(shown_size(count)) - count) <= 0.05 * count
    assert abs(rate(shown_rate(count)) - count) <= 0.05 * count


@given(st.integers(0, 10**6), st.sampled_from(sorted(SIZES)))
def test_a_whole_number_of_any_unit_is_exact(count: int, unit: str) -> None:
    if count * SIZES[unit] < 2**63:
        assert size(f"{count}{unit}") == count * SIZES[unit]


@given(st.integers(0, 2**40), st.integers(0, 999_999_999), st.sampled_from(sorted(SIZES.keys() - {""})))
def test_a_decimal_fraction_is_rounded_down_to_whole_bytes(whole: int, nanos: int, unit: str) -> None:
    exact = whole * SIZES[unit] + nanos * SIZES[unit] // 10**9
    if exact < 2**63:
        assert size(f"{whole}.{nanos:09d} {unit}") == exact


@given(st.floats(0, 36_000 * 86_400))
def test_a_shown_duration_reads_back_within_its_smaller_unit(seconds: float) -> None:
    smaller = 3_600 if seconds >= 86_370 else 60 if seconds >= 3_599 else 1 if seconds >= 9.9 else 0.1
    assert abs(duration(shown_duration(seconds)) - seconds) <= smaller / 2 + 1e-6


@given(st.dictionaries(st.sampled_from(sorted(UNITS)), st.integers(0, 99)).filter(bool), st.sampled_from(["", " "]))
def test_parts_of_a_duration_add_up(parts: dict[str, int], space: str) -> None:
    ordered = sorted(parts.items(), key=lambda part: -UNITS[part[0]])
    text = space.join(f"{count}{space}{unit}" for unit, count in ordered)
    assert duration(text) == sum(count * UNITS[unit] for unit, count in ordered)


ALMOST = st.text(alphabet="0123456789.٣ kKMGiBhmsdw/-+e_\n", max_size=40)


@given(st.text() | ALMOST)
def test_any_text_is_a_quantity_or_a_short_value_error(text: str) -> None:
    for parse in (size, rate, duration):
        value, refusal = attempt(parse, text)
        assert value >= 0
        assert len(refusal) < 700


def attempt(parse: Callable[[str], float], text: str) -> tuple[float, str]:
    try:
        return parse(text), ""
    except ValueError as error:
        return 0, str(error)
