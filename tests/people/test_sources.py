"""Recordings, written here, and what cannot be opened at all."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pytest
from cv2.typing import MatLike

from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.recorded import RecordedSource
from edge_gateway.people.sources import open_source, shown

WIDTH: Final = 160
HEIGHT: Final = 120
_STEP: Final = 10


class HandClock:
    """Time passes only by hand, or while somebody sleeps on it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """20 pictures at 10 a second, numbered from 0."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for number in range(20):
        writer.write(painted(number))
    writer.release()
    return path


def test_a_file_gives_every_picture_with_its_time_in_the_file(clip: Path) -> None:
    with open_source(str(clip), realtime=False) as source:
        frames = list(source)
    assert [frame.number for frame in frames] == list(range(1, 21))
    assert [frame.time_s for frame in frames] == pytest.approx([k / 10 for k in range(20)])
    assert [number_in(frame.picture) for frame in frames] == list(range(20))


def test_a_file_says_how_large_fast_and_long_it_is(clip: Path) -> None:
    with open_source(str(clip), realtime=False) as source:
        facts = (source.width, source.height, source.frame_rate, source.frame_count, source.is_file)
    assert facts == (WIDTH, HEIGHT, 10.0, 20, True)


def test_an_mp4_is_read_like_an_avi(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (WIDTH, HEIGHT))
    for number in range(5):
        writer.write(painted(number))
    writer.release()
    with open_source(str(path), realtime=False) as source:
        assert [number_in(frame.picture) for frame in source] == list(range(5))


def test_in_real_time_a_picture_comes_when_it_is_due_and_not_before(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    first = source.next_frame(0.05)
    early = source.next_frame(0.05)
    second = source.next_frame(0.06)
    assert first is not None
    assert early is None
    assert second is not None
    assert (second.number, clock.now_s) == (2, pytest.approx(0.1))


def test_in_real_time_what_is_late_is_dropped_and_counted(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    source.next_frame(1.0)
    clock.now_s = 0.55
    late = source.next_frame(1.0)
    assert late is not None
    assert (late.number, number_in(late.picture), late.time_s) == (6, 5, pytest.approx(0.5))
    assert source.dropped == 4


def test_in_real_time_the_file_ends_where_it_ends(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock)
    frames = list(source)
    assert (len(frames), clock.now_s) == (20, pytest.approx(1.9, abs=0.3))
    assert source.state is SourceState.ENDED


def test_a_loop_goes_on_counting_and_marks_the_cut(clip: Path) -> None:
    source = open_source(str(clip), realtime=False, loop=True)
    frames = list(itertools.islice(source, 45))
    assert [frame.number for frame in frames] == list(range(1, 46))
    assert [frame.number for frame in frames if frame.cut] == [21, 41]
    assert [number_in(frame.picture) for frame in frames[20:23]] == [0, 1, 2]


def test_a_loop_in_real_time_passes_over_its_end_when_late(clip: Path) -> None:
    clock = HandClock()
    source = _played(clip, clock, loop=True)
    source.next_frame(1.0)
    clock.now_s = 2.35
    frame = source.next_frame(1.0)
    assert frame is not None
    assert frame.cut


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("absent.avi", None, "no such file"),
        ("empty.avi", b"", "is empty"),
        ("noise.avi", bytes(range(256)) * 64, "no decoder"),
    ],
)
def test_a_file_that_is_no_video_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured, match=says) as error:
        open_source(str(path), realtime=False)
    assert name in str(error.value)


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is a folder"):
        open_source(str(tmp_path), realtime=False)


def test_an_unknown_kind_of_address_names_the_known_ones() -> None:
    with pytest.raises(Misconfigured, match=r"ftp://.*rtsp"):
        open_source("ftp://camera/clip.avi", realtime=True)


def test_a_camera_that_is_not_plugged_in_is_a_gone_link() -> None:
    with pytest.raises(LinkGone, match="/dev/video77"):
        open_source("/dev/video77", realtime=True)


def test_an_address_is_shown_without_user_password_and_query() -> None:
    url = "rtsp://admin:secret@camera.example:554/stream?token=1"
    assert shown(url) == "rtsp://camera.example:554/stream"


def painted(number: int) -> MatLike:
    """A grey picture whose level says its number, 0 to 25."""
    return np.full((HEIGHT, WIDTH, 3), number * _STEP, np.uint8)


def number_in(picture: MatLike) -> int:
    """Read the number of a painted picture, also after compression."""
    return round(float(picture.mean()) / _STEP)


def _played(clip: Path, clock: HandClock, *, loop: bool = False) -> RecordedSource:
    return RecordedSource(
        lambda: cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG),
        str(clip),
        realtime=True,
        loop=loop,
        clock=clock,
        sleep=clock.sleep,
    )
