"""The notice as a file: SVG or PDF. Needs the `notice` extra, which is loaded only here."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Final, Protocol, cast

from edge_gateway.people.notice_facts import Facts, NoticeError
from edge_gateway.people.notice_sheet import Drawing, Pen, draw, qr_content
from edge_gateway.people.notice_words import Language, Words

NOTICE_NEEDS: Final = ("reportlab", "segno")
SUFFIXES: Final = (".svg", ".pdf")


class _Tools(Protocol):
    def pen(self, content: str) -> Pen:
        """Letters' widths, and the QR code of a content."""
        ...


class _Writer(Protocol):
    def write(self, drawing: Drawing, title: str) -> bytes:
        """The drawing as a file of one kind."""
        ...


def written(facts: Facts, languages: Sequence[Language], suffix: str) -> bytes:
    """The sheet as `.svg` or `.pdf`; NoticeError for another suffix, or without the extra."""
    if suffix not in SUFFIXES:
        raise NoticeError(f"a notice is made as {' or '.join(SUFFIXES)}, not as {suffix!r}")
    missing = [name for name in NOTICE_NEEDS if find_spec(name) is None]
    if missing:
        raise NoticeError(
            f"the notice sheet needs {' and '.join(missing)}: pip install 'edge-gateway[notice]'"
        )
    tools = cast("_Tools", import_module("edge_gateway.people.notice_pen"))
    writer = cast("_Writer", import_module(f"edge_gateway.people.notice_{suffix[1:]}"))
    title = " / ".join(Words(facts, language).say("sheet", "title") for language in languages)
    return writer.write(draw(facts, languages, tools.pen(qr_content(facts))), title)
