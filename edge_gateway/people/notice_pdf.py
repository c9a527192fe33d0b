"""The notice as PDF: Latin letters in Helvetica, all others in a gothic of Adobe's Japanese set.

PDF viewers bring both along (ISO 32000-1, 9.6.2.2 and 9.7.5.2): no font file is needed to make it.
"""

from __future__ import annotations

import io
from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.pdfmetrics import registerFont, stringWidth
from reportlab.pdfgen.canvas import Canvas

from edge_gateway.people.notice_sheet import PAGE_MM, Drawing, Line, Shape
from edge_gateway.people.notice_text import runs

JAPANESE: Final = "HeiseiKakuGo-W5"
_POINTS_PER_MM: Final = 72 / 25.4


def write(drawing: Drawing, title: str) -> bytes:
    """The drawing on a page of A4; the same drawing gives the same bytes."""
    registerFont(UnicodeCIDFont(JAPANESE))
    file = io.BytesIO()
    size = (PAGE_MM[0] * _POINTS_PER_MM, PAGE_MM[1] * _POINTS_PER_MM)
    canvas = Canvas(file, pagesize=size, invariant=1, lang="ja")
    canvas.setTitle(title)
    for one in drawing:
        canvas.setFillColor(HexColor(one.fill))
        if isinstance(one, Shape):
            _shape(canvas, one)
        else:
            _line(canvas, one)
    canvas.save()
    return file.getvalue()


def _shape(canvas: Canvas, shape: Shape) -> None:
    first, *others = [_place(x, y) for x, y in shape.points]
    if shape.radius:
        canvas.circle(*first, shape.radius * _POINTS_PER_MM, stroke=0, fill=1)
        return
    path = canvas.beginPath()
    path.moveTo(*first)
    for point in others:
        path.lineTo(*point)
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)


def _line(canvas: Canvas, line: Line) -> None:
    x, y = _place(line.x, line.y)
    size = line.size * _POINTS_PER_MM
    for part, is_latin in runs(line.text):
        latin = "Helvetica-Bold" if line.is_bold else "Helvetica"
        font = latin if is_latin else JAPANESE
        canvas.setFont(font, size)
        canvas.drawString(x, y, part)
        x += stringWidth(part, font, size)


def _place(x: float, y: float) -> tuple[float, float]:
    """From the top left in millimetres to PDF's: from the bottom left in points."""
    return x * _POINTS_PER_MM, (PAGE_MM[1] - y) * _POINTS_PER_MM
