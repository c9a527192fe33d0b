"""The real counter as a real child: its clip is written here, nobody walks in it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from edge_gateway.config import PrivacyConfig
from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.people.boundary import (
    Counts,
    Coverage,
    Decoder,
    EncodedPicture,
    Health,
    Message,
    SourceState,
)
from edge_gateway.people.camera import CameraConfig, counter_settings, open_counter
from edge_gateway.people.counter_link import COUNTER_COMMAND, CounterLink
from edge_gateway.people.counter_settings import CounterSettings, encode_settings

ROOT = Path(__file__).parents[2]
CANARY = b"canary-that-must-not-fly"
WIDTH, HEIGHT = 160, 120
PERMISSION = PrivacyConfig(
    purpose="width of the footway",
    operator="City",
    contact="city@example",
    legal_basis="ordinance 7",
    retention="counts: 5 years",
    notice_posted=True,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty pictures, lossless, each filled from end to end with the canary."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (WIDTH, HEIGHT))
    for _ in range(30):
        writer.write(canary_picture())
    writer.release()
    there, image = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).read()
    assert there
    assert np.array_equal(image, canary_picture()), "the clip does not hold the canary"
    return path


@pytest.fixture
def link(clip: Path) -> Iterator[CounterLink]:
    link = open_counter(_config(clip), PERMISSION, command=COUNTER_COMMAND)
    yield link
    link.close()


def test_the_counter_counts_a_clip_and_reports_each_second(link: CounterLink) -> None:
    heard = _hear_until(link, Counts)
    assert any(isinstance(m, Health) and m.source is SourceState.SEEING for m in heard)
    counts, coverage = heard[-1], heard[-2]
    assert isinstance(counts, Counts)
    assert isinstance(coverage, Coverage)
    assert {(part.line, part.count) for part in counts.lines} == {("gate", 0)}
    assert coverage.frames > 0


def test_close_ends_it_in_order_and_soon(link: CounterLink) -> None:
    _hear_until(link, Health)
    started = time.monotonic()
    link.close()
    assert time.monotonic() - started < 4.0
    assert not psutil.pid_exists(link.pid)


def test_a_kill_is_a_gone_link_and_the_next_counter_works(link: CounterLink, clip: Path) -> None:
    _hear_until(link, Health)
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(LinkGone, match="SIGKILL"):
        _hear_until(link, Counts, and_then_for_ever=True)
    again = open_counter(_config(clip), PERMISSION)
    try:
        _hear_until(again, Health)
    finally:
        again.close()


def test_a_clip_that_is_not_there_is_misconfigured_with_its_name(tmp_path: Path) -> None:
    link = open_counter(_config(tmp_path / "absent.avi"), PERMISSION)
    try:
        with pytest.raises(Misconfigured, match=r"absent\.avi: there is no such file"):
            _hear_until(link, Counts)
    finally:
        link.close()


def test_a_line_outside_the_picture_is_misconfigured(clip: Path) -> None:
    line = {"name": "gate", "start": [0, 10], "end": [WIDTH + 1, 10]}
    link = open_counter(_config(clip, line=[line]), PERMISSION)
    try:
        with pytest.raises(Misconfigured, match="gate"):
            _hear_until(link, Counts)
    finally:
        link.close()


def test_no_byte_of_the_pictures_crosses(clip: Path, tmp_path: Path) -> None:
    settings = counter_settings(_config(clip, pictures="calibration"), PERMISSION)
    stream, words = _stream_of(settings, tmp_path, seconds=4.0)
    messages = Decoder().feed(stream)
    pictures = [m.content for m in messages if isinstance(m, EncodedPicture)]
    assert pictures
    decoded = [cv2.imdecode(np.frombuffer(p, np.uint8), cv2.IMREAD_COLOR) for p in pictures]
    leaving = [stream, words, *pictures, *(i.tobytes() for i in decoded if i is not None)]
    assert not [data for data in leaving if CANARY[:8] in data]


def test_the_counter_writes_no_file(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in any folder that programs write to by themselves; nor does its onnxruntime."""
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    link = open_counter(_config(clip, pictures="calibration"), PERMISSION)
    try:
        _hear_until(link, EncodedPicture)
        _hear_until(link, Counts)
    finally:
        link.close()
    assert not list(tmp_path.rglob("*"))


def canary_picture() -> cv2.typing.MatLike:
    """A picture whose bytes are the canary again and again."""
    size = HEIGHT * WIDTH * 3
    filled = np.frombuffer((CANARY * (size // len(CANARY) + 1))[:size], np.uint8)
    return filled.reshape(HEIGHT, WIDTH, 3)


def _stream_of(settings: CounterSettings, home: Path, *, seconds: float) -> tuple[bytes, bytes]:
    """All bytes of a counter: those of its socket for so many seconds, and what it prints."""
    ours, theirs = socket.socketpair()
    command = [*COUNTER_COMMAND, "--fd", str(theirs.fileno())]
    child = subprocess.Popen(
        command,
        pass_fds=(theirs.fileno(),),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    theirs.close()
    stream = bytearray()
    with ours, child:
        ours.settimeout(30.0)
        ours.sendall(encode_settings(settings))
        stream += ours.recv(65_536)
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            stream += ours.recv(65_536)
        ours.shutdown(socket.SHUT_WR)
        while data := ours.recv(65_536):
            stream += data
        printed, _ = child.communicate(timeout=30.0)
    return bytes(stream), printed


def _config(clip: Path, **change: object) -> CameraConfig:
    table: dict[str, object] = {
        "id": "camera-1",
        "driver": "camera",
        "source": str(clip),
        "model": 320,
        "interval_s": 2,
        "loop": True,
        "line": [{"name": "gate", "start": [10, 60], "end": [150, 60]}],
    }
    return CameraConfig.model_validate(table | change)


def _hear_until(
    link: CounterLink, kind: type[Message], *, and_then_for_ever: bool = False
) -> list[Message]:
    """Messages up to the first of a kind; sixty seconds at most."""
    heard: list[Message] = []
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        message = link.receive(1.0)
        if message is not None:
            heard.append(message)
        if isinstance(message, kind) and not and_then_for_ever:
            return heard
    raise AssertionError(f"no {kind.__name__} came; heard {heard}; last words {link.last_words!r}")
