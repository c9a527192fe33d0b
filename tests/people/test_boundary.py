from __future__ import annotations

import ast
import contextlib
import json
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import edge_gateway.people
from edge_gateway.links.errors import BadFrame
from edge_gateway.people.boundary import (
    DWELL_BINS,
    LONGEST_FRAME,
    Counts,
    Coverage,
    Decoder,
    Direction,
    EncodedPicture,
    Health,
    LineCount,
    Message,
    SourceState,
    Unseen,
    ZoneCount,
    encode,
    framed,
)
from edge_gateway.people.picture_format import PictureFormat

PEOPLE = Path(edge_gateway.people.__file__).parent
MODEL = "ab" * 32
NOISE = np.random.default_rng(7).integers(0, 256, (24, 32, 3), np.uint8)
PNG = cv2.imencode(".png", NOISE)[1].tobytes()
JPEG = cv2.imencode(".jpg", NOISE)[1].tobytes()

names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
windows = st.floats(0.001, 90_000)
line_counts = st.builds(
    LineCount, line=names, direction=st.sampled_from(Direction), count=st.integers(0, 1_000_000)
)
histograms = st.lists(st.integers(0, 1_000_000), min_size=DWELL_BINS, max_size=DWELL_BINS).map(
    tuple
)
zone_counts = st.builds(
    ZoneCount,
    zone=names,
    mean_people=st.floats(0, 10_000),
    most_people=st.integers(0, 10_000),
    entered=st.integers(0, 1_000_000),
    dwell=histograms,
    dwell_mean_s=st.none() | st.floats(0, 90_000_000),
    running=histograms,
    cut_short=st.integers(0, 1_000_000),
)
counts = st.builds(
    Counts,
    window_s=windows,
    lines=st.lists(line_counts, max_size=8, unique_by=lambda c: (c.line, c.direction)).map(tuple),
    method=st.just("nanodet-g-416/every-1"),
    model=st.just(MODEL),
    zones=st.lists(zone_counts, max_size=3, unique_by=lambda z: z.zone).map(tuple),
)
coverages = windows.flatmap(
    lambda window_s: st.builds(
        Coverage,
        observed_s=st.floats(0, window_s),
        window_s=st.just(window_s),
        frames=st.integers(0, 100_000_000),
        unseen_s=st.lists(
            st.builds(Unseen, state=st.sampled_from(SourceState), seconds=st.floats(0, window_s)),
            max_size=4,
            unique_by=lambda part: part.state,
        ).map(tuple),
    )
)
healths = st.builds(
    Health,
    frame_rate=st.floats(0, 1000),
    inference_ms=st.floats(0, 600_000),
    source=st.sampled_from(SourceState),
    people=st.integers(0, 10_000),
    rate_limit=st.sampled_from(["none", "cpu", "heat", "throttled"]),
)
pictures = st.sampled_from(
    [EncodedPicture(PictureFormat.PNG, PNG, 5), EncodedPicture(PictureFormat.JPEG, JPEG, 2**62)]
)
messages = st.one_of(counts, coverages, healths, pictures)


@given(st.lists(messages, max_size=5), st.data())
def test_messages_come_back_as_they_were_however_the_bytes_are_cut(
    sent: list[Message], data: st.DataObject
) -> None:
    stream = b"".join(encode(message) for message in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    decoder = Decoder()
    received: list[Message] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += decoder.feed(stream[start:end])
    assert received == sent


@settings(max_examples=300)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_bytes_are_a_bad_frame_or_messages(chunks: list[bytes]) -> None:
    decoder = Decoder()
    try:
        for chunk in chunks:
            decoder.feed(chunk)
    except BadFrame:
        with pytest.raises(BadFrame):
            decoder.feed(b"")


@settings(max_examples=300)
@given(st.sampled_from(b"CVHPSX"), st.binary(max_size=200))
def test_a_frame_with_any_body_is_a_bad_frame_or_a_message(kind: int, body: bytes) -> None:
    decoder = Decoder()
    with contextlib.suppress(BadFrame):
        decoder.feed(framed(bytes([kind]), body))
    assert decoder.pending == 0


@given(st.integers(0, 2**32 - 1), st.binary(max_size=64))
def test_the_buffer_never_outgrows_one_longest_frame(length: int, body: bytes) -> None:
    decoder = Decoder()
    try:
        for _ in range(3):
            decoder.feed(length.to_bytes(4, "big") + body)
    except BadFrame:
        assert decoder.pending == 0
    assert decoder.pending <= LONGEST_FRAME + 4


def test_an_announced_frame_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(BadFrame, match="announced"):
        Decoder().feed((LONGEST_FRAME + 1).to_bytes(4, "big"))


def test_only_the_four_messages_have_an_encoding() -> None:
    line_count = LineCount("gate", Direction.FORWARD, 1)
    with pytest.raises(TypeError, match="may not leave"):
        encode(line_count)  # pyright: ignore[reportArgumentType] - what the types forbid


@pytest.mark.parametrize(
    "change",
    [
        {"count": -1},
        {"count": 1.5},
        {"count": "1"},
        {"count": True},
        {"line": "Gate"},
        {"line": "a" * 64},
        {"line": "gate\n"},
        {"line": ""},
        {"direction": "north"},
        {"face": "aGVsbG8="},
    ],
)
def test_a_line_count_with_a_wrong_field_is_a_bad_frame(change: dict[str, object]) -> None:
    part: dict[str, object] = {"line": "gate", "direction": "forward", "count": 1}
    body = {"window_s": 900.0, "lines": [part | change], "method": "m", "model": MODEL}
    with pytest.raises(BadFrame):
        Decoder().feed(framed(b"C", json.dumps(body).encode()))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-1", "1e999", "null", '"1"', "[1]"])
def test_a_rate_that_is_no_number_is_a_bad_frame(value: str) -> None:
    body = f'{{"frame_rate":{value},"inference_ms":1,"source":"seeing","people":0}}'
    with pytest.raises(BadFrame, match=r"frame_rate|whole"):
        Decoder().feed(framed(b"H", body.encode()))


def test_one_line_and_direction_is_counted_once() -> None:
    twice = (LineCount("gate", Direction.FORWARD, 1), LineCount("gate", Direction.FORWARD, 2))
    with pytest.raises(ValidationError, match="counted twice"):
        Counts(900.0, twice, "m", MODEL)


@pytest.mark.parametrize(
    "change",
    [
        {"dwell": [0] * (DWELL_BINS - 1)},
        {"dwell": [0.5] * DWELL_BINS},
        {"mean_people": -0.1},
        {"most_people": 1.5},
        {"dwell_mean_s": float("nan")},
        {"tracks": [[1, 2]]},
        {"zone": "Bench"},
    ],
)
def test_a_zone_count_with_a_wrong_field_is_a_bad_frame(change: dict[str, object]) -> None:
    part: dict[str, object] = {"zone": "bench", "mean_people": 0.5, "most_people": 1, "entered": 1}
    part |= {"dwell": [0] * DWELL_BINS, "dwell_mean_s": None}
    body = {"window_s": 900.0, "lines": [], "method": "m", "model": MODEL, "zones": [part | change]}
    with pytest.raises(BadFrame):
        Decoder().feed(framed(b"C", json.dumps(body).encode()))


def test_a_zone_is_counted_once() -> None:
    zone = ZoneCount("bench", 0.5, 1, 1, (0,) * DWELL_BINS, None)
    with pytest.raises(ValidationError, match="a zone is counted twice"):
        Counts(900.0, (), "m", MODEL, (zone, zone))


def test_a_cause_of_unseen_seconds_is_named_once() -> None:
    lost = Unseen(SourceState.LOST, 1.0)
    with pytest.raises(ValidationError, match="in unseen_s twice"):
        Coverage(1.0, 900.0, 1, (lost, lost))


def test_more_cannot_be_observed_than_the_window_holds() -> None:
    with pytest.raises(ValidationError, match="longer than window_s"):
        Coverage(901.0, 900.0, 1)


def test_a_message_cannot_be_made_with_a_wrong_type() -> None:
    with pytest.raises(ValidationError):
        Health(10.0, 5.0, SourceState.SEEING, "three")  # pyright: ignore[reportArgumentType] - on purpose


def test_half_observed_is_a_ratio_of_a_half() -> None:
    assert Coverage(450.0, 900.0, 4500).ratio == 0.5


@pytest.mark.parametrize(
    "station", ["boundary", "picture_format", "counter_settings", "counter_link", "camera"]
)
def test_the_gateways_side_never_loads_pictures(station: str) -> None:
    """Neither this file nor any of ours that it imports may load OpenCV, numpy or onnxruntime."""
    imported = _imports(f"edge_gateway.people.{station}", set())
    assert imported.isdisjoint({"cv2", "numpy", "onnxruntime"})


def test_the_boundary_knows_no_socket() -> None:
    tree = ast.parse((PEOPLE / "boundary.py").read_text(encoding="utf-8"))
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "socket" not in names


def test_no_message_has_room_for_more_than_it_says() -> None:
    """Numbers, names of bounded length, and one picture: a new field must be weighed here."""
    shapes = {
        kind.__name__: [f.name for f in fields(kind)]
        for kind in (Counts, LineCount, ZoneCount, Coverage, Unseen, Health, EncodedPicture)
    }
    assert shapes == {
        "Counts": ["window_s", "lines", "method", "model", "zones"],
        "LineCount": ["line", "direction", "count", "speed_mean_m_s"],
        "ZoneCount": [
            *("zone", "mean_people", "most_people", "entered", "dwell", "dwell_mean_s"),
            *("running", "cut_short"),
        ],
        "Unseen": ["state", "seconds"],
        "Coverage": ["observed_s", "window_s", "frames", "unseen_s"],
        "Health": ["frame_rate", "inference_ms", "source", "people", "rate_limit"],
        "EncodedPicture": ["format", "content", "monotonic_ns"],
    }


def _imports(module: str, seen: set[str]) -> set[str]:
    path = PEOPLE.parent.parent / (module.replace(".", "/") + ".py")
    if module in seen or not path.exists():
        return {module.partition(".")[0]}
    seen.add(module)
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _imports(alias.name, seen)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= _imports(node.module, seen)
    return found
