"""Sizes, durations and rates as people write them, and as people read them."""

import re

_NUMBER = r"(\d{1,18}(?:\.\d{1,9})?)"

SIZES: dict[str, int] = {"": 1, "B": 1} | {
    f"{prefix}{unit}": base**power
    for base, unit in ((1000, "B"), (1024, "iB"))
    for power, letters in enumerate(("kK", "M", "G", "T", "P"), 1)
    for prefix in letters
}
SIZE_PATTERN = _NUMBER + r" ?(B|[kK]B|[KkMGTP]iB|[MGTP]B)?"
RATE_PATTERN = SIZE_PATTERN + r"/s"
_LARGEST = 2**63 - 1

DURATIONS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1, "ms": 0.001}
DURATION_PATTERN = r"(?=.*\d)" + " ?".join(rf"(?:{_NUMBER} ?{unit})?" for unit in DURATIONS)
_LONGEST = 36_500 * 86_400

_SIZE, _RATE, _DURATION = (re.compile(pattern, re.ASCII) for pattern in (SIZE_PATTERN, RATE_PATTERN, DURATION_PATTERN))


def size(text: str) -> int:
    """Bytes. `512MiB`, `10 GiB`, `1.5GB` (a thousand millions), `1048576`. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{_quoted(text)} is not a size: write 512MiB, 1.5GB or a number of bytes")
    return _bytes(match, text)


def rate(text: str) -> int:
    """Bytes a second. `200MiB/s`. Raises ValueError."""
    match = _RATE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{_quoted(text)} is not a rate: write 200MiB/s or 1.5GB/s")
    return _bytes(match, text)


def duration(text: str) -> float:
    """Seconds. `4h`, `1h30m`, `250ms`, `7d`: larger units first, each once. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{_quoted(text)} is not a duration: write 4h, 1h30m, 7d or 250ms")
    parts = zip(match.groups(), DURATIONS.values(), strict=True)
    seconds = sum(float(number) * unit for number, unit in parts if number)
    if seconds > _LONGEST:
        raise ValueError(f"{_quoted(text)} is longer than a hundred years")
    return float(seconds)


def shown_size(count: int) -> str:
    """`1.4 GiB`, `512 B`."""
    if count < 0:
        return f"-{shown_size(-count)}"
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1023.95:
            break
        value, unit = value / 1024, larger
    return f"{_brief(value)} {unit}"


def shown_rate(bytes_a_second: float) -> str:
    """`200 MiB/s`."""
    return f"{shown_size(round(bytes_a_second))}/s"


def shown_duration(seconds: float) -> str:
    """`850 ms`, `4.2 s`, `4 m 12 s`, `2 d 3 h`: at most two units, rounded."""
    if seconds < 0:
        return f"-{shown_duration(-seconds)}"
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 10:
        return f"{_brief(seconds)} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole, 60, "m", "s")
    minutes = round(seconds / 60)
    return _two(minutes, 60, "h", "m") if minutes < 1440 else _two(round(seconds / 3600), 24, "d", "h")


def _bytes(match: re.Match[str], text: str) -> int:
    whole, _, fraction = match[1].partition(".")
    if fraction and not match[2]:
        raise ValueError(f"{_quoted(text)} has no unit: write {match[1]}MiB or {match[1]}GB, say")
    unit, scale = SIZES[match[2] or ""], int("1" + "0" * len(fraction))
    count = int(whole) * unit + int(fraction or 0) * unit // scale
    if count > _LARGEST:
        raise ValueError(f"{_quoted(text)} is larger than any store")
    return count


def _two(count: int, many: int, large: str, small: str) -> str:
    whole, rest = divmod(count, many)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"


def _brief(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
