"""The recovery sheet: an identity on paper, in lines that prove themselves when somebody types them in again.

    01  plan aria -ide ntit  7f3a

A line is its number, sixteen characters in groups of four, and the first four hexadecimal digits of the BLAKE3 of
`<number>:<characters>`. Line 00 is the repository's id, the others are the identity; the last one is `sum`, over all.
What is neither a letter, a digit nor one of `:._-` is written as `%` and two hexadecimal digits (RFC 3986).
"""

import re
from dataclasses import dataclass, field, replace
from threading import Lock
from urllib.parse import quote, unquote

import blake3

from planaria.core.errors import Failed
from planaria.core.instant import shown
from planaria.repository.key_proof import KeyProof, prove_identity
from planaria.repository.keys import REPOSITORY_KEYS
from planaria.repository.recipients import identity_of
from planaria.repository.repository import Repository, key_copies, kit_files, open_copy

LINE = 16
_ROW = re.compile(r"\s*(\d\d|sum)\s+(\S.*?)\s+([0-9a-f]{4})\s*", re.IGNORECASE)

_SHEET = """\
PLANARIA RECOVERY SHEET                                          {printed}

Whoever holds this sheet can read everything in the repository. Without it, or another identity
that it is sealed to, nobody can. Keep it in a safe, under another roof.

The repository lies at  {url}
Line 00 is its id; the other lines are the identity.

{rows}

To restore with nothing but Python 3.11:
  1. Copy the repository's objects into a directory, with any tool.
  2. Join the lines from 01 on in a file `identity`: without their numbers, the spaces,
     and the four digits at their ends. {escapes}
  3. pip install cryptography zstandard blake3
  4. In that directory:
     python3 {reader} . --identity identity list
     python3 {reader} . --identity identity restore COMPONENT BASE TARGET

Where Planaria is, `planaria keys test --sheet FILE` proves a typed-in copy of this sheet.
"""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a recovery sheet says. `identity` is a secret."""

    repository: str
    identity: str = field(repr=False)


def escrow_sheet(repository: Repository, identity: str) -> str:
    """The sheet for an identity (its text, or `passphrase:…`). Raises RepositoryRefused unless it opens the keys."""
    text = identity.strip()
    copies, damage = key_copies(repository.store, repository.id, REPOSITORY_KEYS, repository.keys)
    open_copy(copies, damage, identity_of(text))
    written = quote(text, safe=":")
    pieces = [written[at : at + LINE] for at in range(0, len(written), LINE)]
    rows = [_row("00", repository.id), *(_row(f"{number:02d}", piece) for number, piece in enumerate(pieces, 1))]
    rows.append(_row("sum", _total(repository.id, pieces)))
    return _SHEET.format(
        printed=shown(repository.clock.now()),
        url=repository.store.url,
        rows="\n".join(rows),
        reader=next(name for name in kit_files() if name.endswith("read.py")),
        escapes="%20 stands for a space." if "%" in written else "Mind the case.",
    )


def _row(number: str, piece: str) -> str:
    groups = " ".join(piece[at : at + 4] for at in range(0, len(piece), 4))
    return f"    {number:<3}  {groups:<39}  {_digits(number, piece)}"


def _digits(number: str, piece: str) -> str:
    return blake3.blake3(f"{number}:{piece}".encode()).hexdigest()[:4]


def _total(repository: str, pieces: list[str]) -> str:
    return blake3.blake3("\n".join([repository, *pieces]).encode()).hexdigest()[:16]


def read_sheet(text: str) -> Sheet:
    """From a copy that was typed in. Raises Failed, which names the first line that is wrong or missing."""
    rows = [match.groups() for line in text.splitlines() if (match := _ROW.fullmatch(line))]
    pieces: dict[str, str] = {}
    for number, groups, digits in rows:
        piece = "".join(groups.split())
        if _digits(number.lower(), piece) != digits.lower():
            raise Failed(
                f"line {number} of the recovery sheet does not match its last four digits",
                hint="compare it character by character; case matters; 0 and O, 1, l and I are different",
            )
        pieces[number.lower()] = piece
    repository, total = pieces.pop("00", ""), pieces.pop("sum", "")
    for number, found in enumerate(sorted(pieces), 1):
        if found != f"{number:02d}":
            raise _lacks(f"{number:02d}")
    if not repository or not total or not pieces:
        raise _lacks("00" if not repository else "sum" if not total else "01")
    ordered = [pieces[number] for number in sorted(pieces)]
    if _total(repository, ordered) != total:
        raise _lacks(f"{len(ordered) + 1:02d}")
    return Sheet(repository, unquote("".join(ordered)))


def _lacks(number: str) -> Failed:
    return Failed(
        f"line {number} of the recovery sheet is missing, or its lines are of two sheets",
        hint="type in every line that begins with two digits, and the one that begins with sum",
    )


def prove_sheet(repository: Repository, text: str) -> list[KeyProof]:
    """As `prove_identity`, with the identity on a sheet that was typed in. Raises Failed."""
    sheet = read_sheet(text)
    if sheet.repository != repository.id:
        raise Failed(f"the recovery sheet is for repository {sheet.repository[:8]}…, this one is {repository.id[:8]}…")
    return prove_identity(replace(repository, identity=identity_of(sheet.identity), _secrets={}, _lock=Lock()))
