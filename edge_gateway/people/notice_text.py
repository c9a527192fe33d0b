"""Text on a sheet: how wide it is, and where its lines break.

Widths: Latin letters as Helvetica has them (Adobe font metrics), all others a full square, as
Japanese fonts do. Line breaks of Japanese: none before a closing or small sign (JIS X 4051).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

WidthOf: TypeAlias = Callable[[str], float]
"""Width of Latin text in ems."""

# Other fonts stand in for Helvetica where it is not, and are up to so much wider.
_SLACK: Final = 1.06
# What is written small, and signs that repeat or lengthen the one before.
_NOT_FIRST: Final = frozenset("ーァィゥェォッャュョヮヵヶぁぃぅぇぉっゃゅょゎ々ゝゞヽヾ")
_CLOSING: Final = frozenset({"Pe", "Pf", "Po"})
_OPENING: Final = frozenset({"Ps", "Pi"})
_LATIN_END: Final = 0x2FF


def runs(text: str) -> Iterator[tuple[str, bool]]:
    """Parts that one font can draw, and whether it is the Latin one."""
    part, is_latin = "", True
    for sign in text:
        kind = _is_latin(sign)
        if part and kind != is_latin:
            yield part, is_latin
            part = ""
        part, is_latin = part + sign, kind
    if part:
        yield part, is_latin


def width_em(text: str, latin_em: WidthOf) -> float:
    """Width of a text in ems, with slack for other fonts."""
    return sum(
        latin_em(part) * _SLACK if is_latin else sum(map(_square_em, part))
        for part, is_latin in runs(text)
    )


def broken(text: str, room_em: float, latin_em: WidthOf) -> list[str]:
    """The text in lines of `room_em` at most; a word that is longer is cut."""
    lines: list[str] = []
    line = ""
    for atom in _atoms(text.strip()):
        if width_em((line + atom).rstrip(), latin_em) <= room_em:
            line += atom
            continue
        if line.strip():
            lines.append(line.rstrip())
        line = atom.lstrip()
        while width_em(line.rstrip(), latin_em) > room_em:
            fitting = _longest(line, room_em, latin_em)
            lines.append(line[:fitting].rstrip())
            line = line[fitting:].lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def _atoms(text: str) -> Iterator[str]:
    """Pieces between which a line may break."""
    atom = ""
    for sign in text:
        if atom and _may_part(atom[-1], sign):
            yield atom
            atom = ""
        atom += sign
    if atom:
        yield atom


def _may_part(before: str, after: str) -> bool:
    if after in _NOT_FIRST or after.isspace() or unicodedata.category(after) in _CLOSING:
        return False
    if unicodedata.category(before) in _OPENING:
        return False
    return before.isspace() or not (_is_latin(before) and _is_latin(after))


def _longest(line: str, room_em: float, latin_em: WidthOf) -> int:
    return next(
        (
            length
            for length in range(len(line) - 1, 0, -1)
            if width_em(line[:length], latin_em) <= room_em
        ),
        1,
    )


def _is_latin(sign: str) -> bool:
    return ord(sign) <= _LATIN_END


def _square_em(sign: str) -> float:
    return 0.0 if unicodedata.combining(sign) else 1.0
