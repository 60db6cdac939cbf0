"""Sizes, durations and rates: what is understood, what is refused, and how they are shown."""

import pytest

from planaria.core.quantities import duration, rate, shown_duration, shown_rate, shown_size, size


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1048576", 1048576),
        ("10 B", 10),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("512MiB", 512 * 1024**2),
        (" 10 GiB ", 10 * 1024**3),
        ("1.5GB", 1_500_000_000),
        ("0.1kB", 100),
        ("2TB", 2 * 10**12),
        ("1PiB", 1024**5),
        ("4.000000001GB", 4_000_000_001),
    ],
)
def test_sizes_are_bytes(text: str, count: int) -> None:
    assert size(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "GiB",
        "-1GB",
        "+1GB",
        "1e3",
        "1 G",
        "512mib",
        "1Gb",
        "1,5GB",
        "1GB GB",
        "٤GB",
        "１GB",
        "1.GB",
        "9" * 5000,
    ],
)
def test_what_is_no_size_is_said_in_one_short_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write 512MiB") as caught:
        size(text)
    assert len(str(caught.value)) < 120


def test_a_fraction_of_bytes_asks_for_its_unit() -> None:
    with pytest.raises(ValueError, match=r"'1\.5' has no unit: write 1\.5MiB or 1\.5GB"):
        size("1.5")


def test_a_size_beyond_any_store_is_refused() -> None:
    assert size("8191PiB") == 8191 * 1024**5
    with pytest.raises(ValueError, match="larger than any store"):
        size("8192PiB")


@pytest.mark.parametrize(("text", "count"), [("200MiB/s", 200 * 1024**2), ("1.5 GB/s", 1_500_000_000), ("7/s", 7)])
def test_rates_are_bytes_a_second(text: str, count: int) -> None:
    assert rate(text) == count


@pytest.mark.parametrize("text", ["200MiB", "200", "MiB/s", "200MiB/m", "200Mbit/s", ""])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate: write 200MiB/s"):
        rate(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("90s", 90),
        ("4h", 14_400),
        ("1h30m", 5_400),
        ("1 h 30 m", 5_400),
        ("1.5h", 5_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1w1d1h1m1s1ms", 694_861.001),
        ("0s", 0),
        ("36500d", 36_500 * 86_400),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds, abs=1e-9)


@pytest.mark.parametrize(
    "text", ["", " ", "4", "h", "-4h", "30m1h", "1h1h", "4H", "4 hours", "1y", "٤h", "1h30", "inf"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 4h"):
        duration(text)


def test_a_duration_of_more_than_a_hundred_years_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a hundred years"):
        duration("36501d")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1_500_000_000, "1.4 GiB"),
        (512 * 1024**2, "512 MiB"),
        (1024**2 - 1, "1 MiB"),
        (10 * 1024**3 + 1, "10 GiB"),
        (5000 * 1024**5, "5000 PiB"),
        (-2048, "-2 KiB"),
    ],
)
def test_sizes_are_shown_short(count: int, text: str) -> None:
    assert shown_size(count) == text


def test_rates_are_shown_short() -> None:
    assert shown_rate(200.4 * 1024**2) == "200.4 MiB/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.85, "850 ms"),
        (0.9996, "1 s"),
        (4.21, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 m"),
        (252, "4 m 12 s"),
        (3599.6, "1 h"),
        (3_600 + 29.9, "1 h"),
        (3_600 * 4 + 60 * 5 + 31, "4 h 6 m"),
        (86_399, "1 d"),
        (183_600, "2 d 3 h"),
        (40 * 86_400, "40 d"),
        (-90, "-1 m 30 s"),
    ],
)
def test_durations_are_shown_in_two_units_rounded(seconds: float, text: str) -> None:
    assert shown_duration(seconds) == text
