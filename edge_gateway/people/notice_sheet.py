"""The notice as a drawing: an A4 page of shapes and lines of text, the same for SVG and PDF.

Lengths are millimetres from the top left corner; a text's size is its em, its place the left end of
its baseline.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from edge_gateway.people.notice_facts import Facts, NoticeError
from edge_gateway.people.notice_text import WidthOf, broken, width_em
from edge_gateway.people.notice_words import Language, Words

PAGE_MM: Final = (210.0, 297.0)

INK: Final = "#1a1a1a"
SOFT: Final = "#4a4a4a"
BAND: Final = "#0b3d66"
RULE: Final = "#b8c4ce"
PAPER: Final = "#ffffff"
ACCENT: Final = "#ffc533"

_MARGIN: Final = 14.0
_BAND_MM: Final = 62.0
_HEADINGS_MM: Final = 40.0
_QR_MM: Final = 34.0
# Four modules of a small code stay white around it (ISO/IEC 18004).
_QUIET_MM: Final = 4.0
_FOOT_MM: Final = 8.0
_LEADING: Final = 1.32
_SECOND: Final = 0.82
_LARGEST_MM: Final = 4.9
# About 6.5 points: smaller is not read at a pole.
_SMALLEST_MM: Final = 2.3
_STEP: Final = 0.97
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Shape:
    """A filled polygon, or a disc of `radius` around its only point."""

    points: tuple[Point, ...]
    fill: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text."""

    x: float
    y: float
    text: str
    size: float
    language: Language
    fill: str = INK
    is_bold: bool = False


Drawing: TypeAlias = list[Shape | Line]


@dataclass(frozen=True, slots=True)
class Pen:
    """What the drawing needs to know of letters and codes.

    `qr` gives the rows of a QR code without its quiet zone, True for a dark module.
    """

    latin_em: WidthOf
    qr: Sequence[Sequence[bool]]


def qr_content(facts: Facts) -> str:
    """What the QR code holds: the page about the counting, or the contact; mail as `mailto:`."""
    permission = facts.permission
    if permission.url is not None:
        return permission.url
    mail = _MAIL.search(permission.contact)
    return f"mailto:{mail[0]}" if mail else permission.contact


def draw(facts: Facts, languages: Sequence[Language], pen: Pen) -> Drawing:
    """The sheet, in letters as large as fit. Raises NoticeError when they would be too small."""
    voices = [Words(facts, language) for language in languages]
    size = _LARGEST_MM
    while size >= _SMALLEST_MM:
        body, end = _body(voices, size, pen)
        if end <= PAGE_MM[1] - _MARGIN - _FOOT_MM:
            return [*_band(voices, pen), *body, *_foot(voices, pen)]
        size *= _STEP
    raise NoticeError(
        "the notice does not fit on one sheet: shorten the texts of [privacy], "
        "or make a sheet for each language (--language)"
    )


def rectangle(x: float, y: float, width: float, height: float, fill: str) -> Shape:
    """A rectangle by its top left corner."""
    right, bottom = x + width, y + height
    return Shape(((x, y), (right, y), (right, bottom), (x, bottom)), fill)


def _band(voices: Sequence[Words], pen: Pen) -> Drawing:
    """The dark top: pictogram, titles, and what it is about in a sentence."""
    drawing: Drawing = [rectangle(0, 0, PAGE_MM[0], _BAND_MM, BAND), *_pictogram(_MARGIN, 9.0)]
    x, y = _MARGIN + 50.0, 9.0
    room = PAGE_MM[0] - x - _MARGIN
    for place, words in enumerate(voices):
        share = 1.0 if place == 0 else 0.72
        sheet = (("title", 9.4 * share, True, PAPER), ("lead", 4.4 * share, False, PAPER))
        for key, largest, is_bold, fill in sheet:
            text = words.say("sheet", key)
            fits = room / width_em(text, pen.latin_em)
            # Rather a little smaller than one word on a line of its own.
            size = min(largest, fits) if is_bold or fits > largest * _SECOND else largest
            for line in broken(text, room / size, pen.latin_em):
                y += size * 1.25
                drawing.append(Line(x, y, line, size, words.language, fill, is_bold))
            y += 1.8
        y += 2.5
    return drawing


def _pictogram(x: float, y: float) -> Drawing:
    """A camera on a pole, and two people who walk along a counting line."""
    mast = _polygon(x, y, PAPER, (3, 4), (5.6, 4), (5.6, 44), (3, 44))
    ground = _polygon(x, y, PAPER, (0, 42.6), (44, 42.6), (44, 44), (0, 44))
    arm = _polygon(x, y, PAPER, (5.6, 6), (10, 7.2), (9.4, 9.4), (5.6, 8.6))
    body = _polygon(x, y, PAPER, (9, 3.2), (21, 6.4), (19.2, 13.2), (7.2, 10))
    hood = _polygon(x, y, PAPER, (21.2, 7.8), (24, 7.2), (22.4, 13.4), (20, 12))
    lens = Shape(((x + 12.0, y + 7.6),), BAND, 1.5)
    dashes = [
        _polygon(x + 8.6 + step * 7.4, y, ACCENT, (0, 40), (4.4, 40), (4, 41.4), (-0.4, 41.4))
        for step in range(5)
    ]
    walkers = [*_walker(x + 16.0, y + 18.0), *_walker(x + 30.5, y + 18.0)]
    return [mast, ground, arm, body, hood, lens, *dashes, *walkers]


def _walker(x: float, y: float) -> Drawing:
    """A person who walks to the right, 20 mm high."""
    head = Shape(((x + 4.2, y + 2.2),), PAPER, 2.2)
    limbs = (
        ((2.6, 5), (5.8, 5), (6.2, 12.4), (2.8, 12.4)),
        ((2.8, 11.8), (5, 12.4), (2.2, 20.4), (-0.2, 20.4)),
        ((3.9, 12.2), (6.2, 11.8), (9.2, 20.4), (6.8, 20.4)),
        ((2.6, 5), (3.8, 6.4), (0.6, 11.2), (-0.8, 10.4)),
        ((5.4, 5), (8.9, 9.4), (7.9, 10.6), (5.2, 7.4)),
    )
    return [head, *(_polygon(x, y, PAPER, *corners) for corners in limbs)]


def _polygon(x: float, y: float, fill: str, *corners: Point) -> Shape:
    return Shape(tuple((x + right, y + down) for right, down in corners), fill)


def _body(voices: Sequence[Words], size: float, pen: Pen) -> tuple[Drawing, float]:
    """Headings on the left, texts on the right, a thin rule between; and where it ends."""
    drawing, y = Drawing(), _BAND_MM + 4.0
    per_part = list(zip(*(words.parts() for words in voices), strict=True))
    for parts in per_part:
        left = right = y
        for place, (part, words) in enumerate(zip(parts, voices, strict=True)):
            one = size if place == 0 else size * _SECOND
            fill = INK if place == 0 else SOFT
            heading = Line(_MARGIN, left, part.heading, one, words.language, fill, is_bold=True)
            left = _set(drawing, heading, _HEADINGS_MM - 3.0, pen)
            text = Line(_MARGIN + _HEADINGS_MM, right, part.text, one, words.language, fill)
            right = _set(drawing, text, PAGE_MM[0] - 2 * _MARGIN - _HEADINGS_MM, pen)
        y = max(left, right) + size * 0.45
        drawing.append(rectangle(_MARGIN, y, PAGE_MM[0] - 2 * _MARGIN, 0.2, RULE))
        y += size * 0.25
    return _contact(drawing, voices, y + _QUIET_MM, size, pen)


def _contact(
    drawing: Drawing, voices: Sequence[Words], y: float, size: float, pen: Pen
) -> tuple[Drawing, float]:
    """Whom to ask, beside the code that leads there; and where it ends."""
    left = PAGE_MM[0] - _MARGIN - _QR_MM
    room = left - _MARGIN - 6.0
    facts = voices[0].facts
    line_y, caption_y = y, y + _QR_MM + _QUIET_MM
    for place, words in enumerate(voices):
        one = size * (1.15 if place == 0 else 0.95)
        heading = words.say("heading", "contact")
        head = Line(_MARGIN, line_y, heading, one, words.language, INK, is_bold=True)
        line_y = _set(drawing, head, room, pen)
        text = Line(_MARGIN, line_y, words.given("contact"), one, words.language)
        line_y = _set(drawing, text, room, pen) + 1.5
        key = "qr_contact" if facts.permission.url is None else "qr_url"
        caption = Line(left, caption_y, words.say("sheet", key), 2.6, words.language, SOFT)
        caption_y = _set(drawing, caption, _QR_MM, pen)
    if facts.permission.url is not None:
        url = Line(_MARGIN, line_y, facts.permission.url, size, "en", BAND)
        line_y = _set(drawing, url, room, pen)
    drawing += _code(left, y, pen.qr)
    return drawing, max(line_y, caption_y)


def _code(x: float, y: float, rows: Sequence[Sequence[bool]]) -> Drawing:
    """Dark modules; neighbours in a row are one shape, so that no seam shows between them."""
    module = _QR_MM / len(rows)
    drawing = Drawing()
    for row, modules in enumerate(rows):
        column = 0
        while column < len(modules):
            start = column
            while column < len(modules) and modules[column]:
                column += 1
            if column > start:
                place = (x + start * module, y + row * module)
                drawing.append(rectangle(*place, (column - start) * module, module, INK))
            column += 1
    return drawing


def _foot(voices: Sequence[Words], pen: Pen) -> Drawing:
    drawing, y = Drawing(), PAGE_MM[1] - _MARGIN - _FOOT_MM + 2.0
    for words in voices:
        facts = words.facts
        text = words.say("sheet", "foot", gateway=facts.gateway, version=facts.version)
        line = Line(_MARGIN, y, text, 2.4, words.language, SOFT)
        y = _set(drawing, line, PAGE_MM[0] - 2 * _MARGIN, pen)
    return drawing


def _set(drawing: Drawing, text: Line, room: float, pen: Pen) -> float:
    """Set a text from the top `text.y` in lines of `room`; where the next begins."""
    y = text.y
    for words in broken(text.text, room / text.size, pen.latin_em):
        y += text.size * _LEADING
        base = y - text.size * (_LEADING - 1)
        drawing.append(Line(text.x, base, words, text.size, text.language, text.fill, text.is_bold))
    return y
