"""The notice as SVG 1.1, in millimetres; text stays text."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape, quoteattr

from edge_gateway.people.notice_sheet import PAGE_MM, PAPER, Drawing, Line, Shape, rectangle

LATIN_FONTS: Final = "Helvetica, Arial, 'Liberation Sans', sans-serif"
JAPANESE_FONTS: Final = (
    "'Noto Sans JP', 'Noto Sans CJK JP', 'Hiragino Sans', 'Yu Gothic', Meiryo, IPAexGothic, "
    "sans-serif"
)


def write(drawing: Drawing, title: str) -> bytes:
    """The drawing on white paper of A4."""
    width, height = PAGE_MM
    page = rectangle(0, 0, width, height, PAPER)
    body = "\n".join(
        _shape(one) if isinstance(one, Shape) else _line(one) for one in [page, *drawing]
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">\n<title>{escape(title)}</title>\n'
        f"{body}\n</svg>\n"
    ).encode()


def _shape(shape: Shape) -> str:
    if shape.radius:
        x, y = shape.points[0]
        return f'<circle cx="{x:.3f}" cy="{y:.3f}" r="{shape.radius:.3f}" fill="{shape.fill}"/>'
    points = " ".join(f"{x:.3f},{y:.3f}" for x, y in shape.points)
    return f'<polygon points="{points}" fill="{shape.fill}"/>'


def _line(line: Line) -> str:
    fonts = JAPANESE_FONTS if line.language == "ja" else LATIN_FONTS
    weight = ' font-weight="bold"' if line.is_bold else ""
    return (
        f'<text x="{line.x:.3f}" y="{line.y:.3f}" font-size="{line.size:.3f}"{weight} '
        f'font-family={quoteattr(fonts)} fill="{line.fill}" xml:lang="{line.language}">'
        f"{escape(line.text)}</text>"
    )
