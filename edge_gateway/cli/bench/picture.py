"""The stages as bars: SVG 1.1, without fonts or anything else from outside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape

from edge_gateway.cli.bench.report import MAX_CPU
from edge_gateway.cli.bench.stages import AROUND, EXPLAINED, Figures, Stage, verdict

WIDTH: Final = 960
BAR_LEFT: Final = 110
BAR_WIDTH: Final = 420
ROW: Final = 30
TOP: Final = 114
LINE_LETTERS: Final = 90
INK: Final = "#22282e"
FAINT: Final = "#667078"
FILLS: Final = {Stage.INFERENCE: "#1f6f8b", Stage.DECODE: "#9aa5ad", Stage.SCENE: "#c98a2b"}
AROUND_FILL: Final = "#2f9e6e"


def drawn(figures: Figures) -> str:
    """One bar a stage, as long as its CPU time, under what it comes to."""
    height = TOP + ROW * len(figures.costs) + 46
    width_px, height_px = figures.size
    measured = (
        f"{figures.machine}, {figures.cores} cores; {figures.pictures} pictures of"
        f" {width_px} x {height_px} px, {figures.people:.1f} people at a time"
    )
    said = (
        f"around inference {figures.around_share:.1%}, anonymized picture"
        f" {figures.scene_share:.1%}; {figures.rate:.1f} pictures/s of one core;"
        f" memory at most {figures.rss_mb:.0f} MB"
    )
    body = "\n".join(
        (
            *(
                _text(20, 28 + 20 * row, line, size=15, bold=True)
                for row, line in enumerate(textwrap.wrap(verdict(figures, MAX_CPU), LINE_LETTERS))
            ),
            _text(20, 76, measured, fill=FAINT),
            _text(20, 96, "CPU milliseconds a picture, and share of inference", fill=FAINT),
            *_bars(figures),
            _text(20, height - 18, said),
        )
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif">\n'
        f"<title>edge-gateway bench camera</title>\n"
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _bars(figures: Figures) -> Iterator[str]:
    longest = max(cost.cpu_ms for cost in figures.costs.values())
    inference = figures.costs[Stage.INFERENCE].cpu_ms
    for row, (stage, cost) in enumerate(figures.costs.items()):
        y = TOP + ROW * row
        length = BAR_WIDTH * cost.cpu_ms / longest
        fill = AROUND_FILL if stage in AROUND else FILLS[stage]
        said = f"{cost.cpu_ms:.2f} ms, {cost.cpu_ms / inference:.1%}"
        yield _text(20, y + 17, stage.value)
        yield (
            f'<rect x="{BAR_LEFT}" y="{y + 2}" width="{max(length, 1):.1f}" height="20" '
            f'fill="{fill}"/>'
        )
        yield _text(BAR_LEFT + round(length) + 8, y + 17, f"{said}: {EXPLAINED[stage]}", size=12)


def _text(x: int, y: int, text: str, *, size: int = 14, bold: bool = False, fill: str = INK) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{weight} fill="{fill}">{escape(text)}</text>'
