"""Canaries in what the counter sees: none of them is in what it lets out, in no guise."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.boundary import Counts, EncodedPicture, Message
from edge_gateway.people.counter_link import SILENCED, SINGLE
from tests.people import canaries
from tests.people.camera_double import JpegCamera
from tests.people.watched_counter import settings_of, some, watched, write_clip

LEAKY = Path(__file__).with_name("leaky_counter.py")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_clip(path, [canaries.scene(number) for number in range(canaries.PICTURES)])
    return path


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    """Every canary of the clip: its pixels, and the tensors they become."""
    return canaries.of_pictures() | canaries.of_tensors()


@pytest.fixture(scope="module")
def camera() -> Iterator[JpegCamera]:
    jpegs = [canaries.jpeg_with_canaries(number)[0] for number in range(canaries.PICTURES)]
    with JpegCamera(jpegs) as camera:
        yield camera


def test_nothing_of_a_clip_leaves(clip: Path, tmp_path: Path, known: dict[str, bytes]) -> None:
    settings = settings_of(clip, pictures="calibration")
    with watched(settings, tmp_path / "home") as counter:
        counter.hear_until(_counts_and_pictures)
        counter.end()
        leaving = counter.leaving()
    assert not canaries.search(leaving, known)
    assert set(leaving) == {"the socket", "stderr"}


def test_nothing_of_a_cameras_jpegs_leaves(camera: JpegCamera, tmp_path: Path) -> None:
    known = {"EXIF": canaries.EXIF, "comment": canaries.COMMENT}
    known |= {
        f"scan {number}": canaries.jpeg_with_canaries(number)[1]
        for number in range(canaries.PICTURES)
    }
    settings = settings_of(camera.url, pictures="calibration")
    with watched(settings, tmp_path / "home") as counter:
        counter.hear_until(_counts_and_pictures)
        counter.end()
        leaving = counter.leaving()
    assert camera.sent > canaries.PICTURES
    assert not canaries.search(leaving, known)
    assert set(leaving) == {"the socket", "stderr"}


@pytest.fixture(scope="module")
def leaks(
    clip: Path, tmp_path_factory: pytest.TempPathFactory, known: dict[str, bytes]
) -> list[str]:
    """What the search finds in what a leaky counter lets out."""
    command = (*SILENCED, *SINGLE, sys.executable, "-B", str(LEAKY))
    settings = settings_of(clip, pictures="calibration")
    with watched(settings, tmp_path_factory.mktemp("leaky") / "home", command) as counter:
        counter.hear_until(_counts_and_pictures)
        counter.end()
        return canaries.search(counter.leaving(), known)


@pytest.mark.parametrize(
    ("canary", "where"),
    [
        ("pixels", "in the socket, pixels of picture"),
        ("pixels", "in stderr, base64"),
        ("pixels", "in the socket, hex"),
        ("pixels", "in file leak.bin, raw"),
        ("input", "in stderr, hex"),
        ("output", "in stderr, base64"),
    ],
)
def test_a_counter_that_leaks_is_caught(leaks: list[str], canary: str, where: str) -> None:
    assert any(one.startswith(canary) and where in one for one in leaks), leaks[:20]


@given(st.binary(min_size=12, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_the_search_finds_what_is_hidden_in_base64(
    piece: bytes, before: bytes, behind: bytes
) -> None:
    hidden = base64.b64encode(before + piece + behind)
    assert canaries.search({"there": hidden}, {"canary": piece})


@pytest.mark.parametrize("guise", ["raw", "backwards", "other colour order", "hex", "HEX"])
def test_the_search_knows_each_guise(guise: str) -> None:
    piece = canaries.TILE[:12]
    hidden = b"before" + dict(canaries.guises(piece))[guise] + b"behind"
    assert canaries.search({"there": hidden}, {"canary": piece}) == [f"canary in there, {guise}"]


def _counts_and_pictures(messages: list[Message]) -> bool:
    return some(Counts, 2)(messages) and some(EncodedPicture, 2)(messages)
