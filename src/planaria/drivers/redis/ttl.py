"""Relative expiries made absolute. No IO.

Before Redis 7.0 the replication stream says `EXPIRE key 60` and means: from when you read this. Kept and replayed
later, that would revive what is long gone; so it is rewritten with the time at which it arrived (redis #8474).
"""

_SECONDS = {b"EX", b"EXPIRE", b"SETEX"}


def absolute(args: list[bytes], at_ms: int) -> list[bytes]:
    """The same command, which arrived at `at_ms` (Unix epoch), with an absolute expiry; most have none to change.

    Raises ValueError when an expiry is not a number.
    """
    name = args[0].upper()
    if name in (b"EXPIRE", b"PEXPIRE") and len(args) >= 3:
        return [b"PEXPIREAT", args[1], _moment(name, args[2], at_ms), *args[3:]]
    if name in (b"SETEX", b"PSETEX") and len(args) == 4:
        return [b"SET", args[1], args[3], b"PXAT", _moment(name, args[2], at_ms)]
    if name == b"SET" and len(args) > 4:
        return _set(args, at_ms)
    if name == b"GETEX" and len(args) == 4 and args[2].upper() in (b"EX", b"PX"):
        return [b"PEXPIREAT", args[1], _moment(args[2].upper(), args[3], at_ms)]
    if name in (b"RESTORE", b"RESTORE-ASKING") and len(args) >= 4:
        return _restore(args, at_ms)
    return args


def _moment(unit: bytes, amount: bytes, at_ms: int) -> bytes:
    return b"%d" % (at_ms + int(amount) * (1000 if unit in _SECONDS else 1))


def _set(args: list[bytes], at_ms: int) -> list[bytes]:
    index = 3
    while index < len(args):
        option = args[index].upper()
        if option in (b"EX", b"PX") and index + 1 < len(args):
            return [*args[:index], b"PXAT", _moment(option, args[index + 1], at_ms), *args[index + 2 :]]
        index += 2 if option in (b"EXAT", b"PXAT", b"IFEQ") else 1
    return args


def _restore(args: list[bytes], at_ms: int) -> list[bytes]:
    if int(args[2]) == 0 or any(option.upper() == b"ABSTTL" for option in args[4:]):
        return args
    return [*args[:2], _moment(b"PX", args[2], at_ms), *args[3:], b"ABSTTL"]
