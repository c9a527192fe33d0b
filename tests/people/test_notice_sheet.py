"""The sheet: lines of text, what is where, and the code that another decoder reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people import notice_file, notice_sheet
from edge_gateway.people.notice_facts import NoticeError
from edge_gateway.people.notice_file import written
from edge_gateway.people.notice_pen import pen
from edge_gateway.people.notice_sheet import PAGE_MM, Line, draw, qr_content
from edge_gateway.people.notice_text import broken, width_em
from edge_gateway.people.notice_words import Language, Words
from tests.people.noticed import facts

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: bytes) -> str:
    return "".join(one.text or "" for one in ET.fromstring(svg).iter(f"{SVG}text"))


def polygons(svg: bytes) -> Iterable[tuple[np.ndarray[Any, Any], str]]:
    for one in ET.fromstring(svg).iter(f"{SVG}polygon"):
        pairs = [pair.split(",") for pair in one.attrib["points"].split()]
        yield np.array(pairs, dtype=np.float64), one.attrib["fill"]


def painted(svg: bytes, pixels_per_mm: int = 8) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The polygons of a sheet as a grey picture: enough to read the code from."""
    width, height = (round(length * pixels_per_mm) for length in PAGE_MM)
    picture = np.full((height, width), 255, np.uint8)
    for corners, fill in polygons(svg):
        grey = int(np.mean([int(fill[place : place + 2], 16) for place in (1, 3, 5)]))
        where = np.round(corners * pixels_per_mm).astype(np.int32)
        cv2.fillPoly(picture, [where], grey)
    return picture


def read_code(picture: np.ndarray[Any, np.dtype[np.uint8]]) -> str:
    found: tuple[str, object, object] = cv2.QRCodeDetector().detectAndDecode(picture)
    return found[0]


# Lines of text.


def test_a_japanese_line_begins_with_no_closing_sign() -> None:
    square = "計測しています。次の文"
    assert broken(square, 7.0, len) == ["計測していま", "す。次の文"]


def test_a_latin_word_is_not_cut_where_it_fits_a_line() -> None:
    assert broken("one two three", 8.0, lambda text: float(len(text))) == ["one two", "three"]


def test_a_word_longer_than_a_line_is_cut() -> None:
    lines = broken("x" * 25, 10.0, lambda text: float(len(text)))
    assert ["".join(lines), max(map(len, lines))] == ["x" * 25, 9]


@given(st.text("ab c、。「」人数ー-", max_size=60), st.floats(2.5, 20.0))
def test_lines_fit_and_nothing_but_space_is_lost(text: str, room_em: float) -> None:
    def half(latin: str) -> float:
        return 0.5 * len(latin)

    lines = broken(text, room_em, half)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_em(line, half) <= room_em for line in lines)
    assert all(line == line.strip() != "" for line in lines)


def test_other_signs_than_latin_are_a_square() -> None:
    assert width_em("人数", len) == 2.0


# The sheet.


@pytest.mark.parametrize("languages", [("ja", "en"), ("ja",), ("en",)])
def test_all_that_is_said_is_on_the_sheet(languages: tuple[Language, ...]) -> None:
    of = facts()
    on_sheet = re.sub(r"\s", "", texts(written(of, languages, ".svg")))
    for language in languages:
        words = Words(of, language)
        for part in words.parts():
            assert re.sub(r"\s", "", part.text) in on_sheet
            assert re.sub(r"\s", "", part.heading) in on_sheet
        assert re.sub(r"\s", "", words.given("contact")) in on_sheet


@pytest.mark.parametrize("length", [1, 60, 120])
def test_everything_is_inside_the_page(length: int) -> None:
    keys = ("purpose", "operator", "contact", "legal_basis", "retention")
    of = facts(privacy=dict.fromkeys((*keys, *(f"{key}_ja" for key in keys)), "あ" * length))
    svg = written(of, ("ja", "en"), ".svg")
    lines = [one.attrib for one in ET.fromstring(svg).iter(f"{SVG}text")]
    for line, text in zip(lines, ET.fromstring(svg).iter(f"{SVG}text"), strict=True):
        size, x, y = (float(line[name]) for name in ("font-size", "x", "y"))
        right = x + size * width_em(text.text or "", pen("x").latin_em)
        assert size >= 1.8
        assert 0 < x < right < PAGE_MM[0]
        assert 0 < y < PAGE_MM[1] - 5


def test_texts_that_would_be_too_small_are_refused_with_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notice_sheet, "_SMALLEST_MM", 4.85)
    of = facts(privacy={"purpose": "a long text " * 25})
    plain = notice_sheet.Pen(lambda text: 0.5 * len(text), [[True]])
    with pytest.raises(NoticeError, match="shorten the texts of"):
        draw(of, ("ja", "en"), plain)


def test_signs_of_xml_in_the_operator_s_words_do_no_harm() -> None:
    of = facts(privacy={"operator": 'Müller & <Söhne> "AG"', "operator_ja": None})
    assert 'Müller & <Söhne> "AG"' in texts(written(of, ("en",), ".svg"))


@pytest.mark.parametrize(
    ("privacy", "expected"),
    [
        (
            {"url": "https://city.example/counting?at=1&b=2"},
            "https://city.example/counting?at=1&b=2",
        ),
        ({}, "mailto:roads@city.example"),
        ({"contact": "City, 011-000-0000"}, "City, 011-000-0000"),
        ({"contact": "Roads (roads@city.example), 2F"}, "mailto:roads@city.example"),
    ],
)
@pytest.mark.parametrize("languages", [("ja", "en"), ("en",)])
def test_the_code_on_the_sheet_is_read_by_another_decoder(
    privacy: Mapping[str, object], expected: str, languages: tuple[Language, ...]
) -> None:
    of = facts(privacy=privacy)
    assert qr_content(of) == expected
    assert read_code(painted(written(of, languages, ".svg"))) == expected


def test_the_code_is_read_with_a_scratch_across_it() -> None:
    svg = written(facts(privacy={"url": "https://city.example/counting"}), ("ja", "en"), ".svg")
    picture = painted(svg)
    dark = np.argwhere(picture[1500:, 1200:] < 100)
    top, left = dark.min(axis=0) + np.array([1500, 1200])
    bottom, right = dark.max(axis=0) + np.array([1500, 1200])
    across = (int(left) + 60, int(bottom) - 60), (int(right) - 30, int(top) + 90)
    cv2.line(picture, *across, 255, 8)
    assert read_code(picture) == "https://city.example/counting"


def test_the_same_facts_make_the_same_bytes() -> None:
    assert [written(facts(), ("ja", "en"), kind) for kind in (".svg", ".pdf")] == [
        written(facts(), ("ja", "en"), kind) for kind in (".svg", ".pdf")
    ]


def test_a_change_of_the_configuration_changes_both_files() -> None:
    for kind in (".svg", ".pdf"):
        assert written(facts(), ("ja",), kind) != written(facts({"interval_s": 60}), ("ja",), kind)


def test_the_pdf_is_one_page_of_a4_with_a_japanese_font_by_name() -> None:
    pdf = written(facts(), ("ja", "en"), ".pdf")
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert box is not None
    assert [round(float(side) / 72 * 25.4) for side in box.groups()] == [210, 297]
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    assert b"/HeiseiKakuGo-W5" in pdf
    assert b"/FontFile" not in pdf


def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> str | None:
        return None if name == "segno" else name

    monkeypatch.setattr(notice_file, "find_spec", find)
    with pytest.raises(NoticeError, match=r"needs segno: pip install 'edge-gateway\[notice\]'"):
        written(facts(), ("en",), ".pdf")


def test_lines_are_drawn_where_the_drawing_says() -> None:
    plain = notice_sheet.Pen(lambda text: 0.5 * len(text), [[True, False], [False, True]])
    lines = [one for one in draw(facts(), ("en",), plain) if isinstance(one, Line)]
    assert lines[0].text == "People are counted here"
