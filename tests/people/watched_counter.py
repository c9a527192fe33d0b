"""A counter process of which everything that comes out is kept."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from edge_gateway.config import PrivacyConfig
from edge_gateway.people.boundary import Decoder, Message
from edge_gateway.people.camera import CameraConfig, counter_settings
from edge_gateway.people.counter_link import COUNTER_COMMAND
from edge_gateway.people.counter_settings import CounterSettings, encode_settings
from edge_gateway.people.frame import Picture

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
PERMISSION = PrivacyConfig(
    purpose="width of the footway",
    operator="City",
    contact="city@example",
    legal_basis="ordinance 7",
    retention="counts: 5 years",
    notice_posted=True,
)
HOMES = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


@dataclass
class Watched:
    """A running counter: its messages so far, and at the end all it left."""

    pid: int
    connection: socket.socket
    child: subprocess.Popen[bytes]
    home: Path
    reader: threading.Thread
    words: bytearray
    stream: bytearray = field(default_factory=bytearray)
    messages: list[Message] = field(default_factory=list[Message])
    code: int | None = None
    _decoder: Decoder = field(default_factory=Decoder)

    def hear(self, timeout_s: float) -> bool:
        """Take in what comes within the time; whether the counter still speaks."""
        self.connection.settimeout(max(timeout_s, 0.001))
        try:
            data = self.connection.recv(65_536)
        except TimeoutError:
            return True
        except ConnectionError:
            data = b""
        self.stream += data
        self.messages += self._decoder.feed(data)
        return bool(data)

    def hear_until(self, is_enough: Callable[[list[Message]], bool]) -> None:
        """Take in messages until there are enough; a minute at most."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_enough(self.messages):
            assert time.monotonic() < deadline_s, f"waited in vain; it sent {self.messages[-5:]}"
            if not self.hear(1.0):
                raise AssertionError(f"the counter ended: {self.end()!r}")

    def end(self) -> bytes:
        """Close the socket, wait for the end, and keep what it printed."""
        if self.code is None:
            self.connection.shutdown(socket.SHUT_WR)
            while self.hear(PATIENCE_S):
                pass
            self.code = self.child.wait(PATIENCE_S)
            self.reader.join(PATIENCE_S)
        return bytes(self.words)

    def leaving(self) -> dict[str, bytes]:
        """All bytes that came out, by where they did."""
        files = {
            f"file {path.name}": path.read_bytes()
            for path in self.home.rglob("*")
            if path.is_file()
        }
        return {"the socket": bytes(self.stream), "stderr": bytes(self.words), **files}


@contextmanager
def watched(
    settings: CounterSettings, home: Path, command: Sequence[str] = COUNTER_COMMAND
) -> Generator[Watched]:
    """Start a counter that finds only `home` to write to; it is gone afterwards."""
    home.mkdir(exist_ok=True)
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(
        [*command, "--fd", str(theirs.fileno())],
        pass_fds=(theirs.fileno(),),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=home,
        env={**os.environ, **dict.fromkeys(HOMES, str(home)), "PYTHONPATH": str(ROOT)},
    )
    theirs.close()
    words = bytearray()
    reader = threading.Thread(target=_keep, args=(child, words), daemon=True)
    reader.start()
    with ours, child:
        ours.sendall(encode_settings(settings))
        yield Watched(child.pid, ours, child, home, reader, words)
        if child.poll() is None:
            child.kill()


def _keep(child: subprocess.Popen[bytes], words: bytearray) -> None:
    assert child.stdout is not None
    while data := os.read(child.stdout.fileno(), 65_536):
        words += data


def write_clip(path: Path, pictures: Sequence[Picture]) -> None:
    """A lossless clip of ten pictures a second."""
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 10, (width, height))
    for picture in pictures:
        writer.write(picture)
    writer.release()


def settings_of(source: object, **change: object) -> CounterSettings:
    """Settings of a counter that sends its counts each second."""
    table: dict[str, object] = {
        "id": "camera-1",
        "driver": "camera",
        "source": str(source),
        "model": 320,
        "interval_s": 1,
        "loop": True,
        "line": [{"name": "gate", "start": [20, 60], "end": [150, 60]}],
    }
    return counter_settings(CameraConfig.model_validate(table | change), PERMISSION)


def some(kind: type[Message], count: int = 1) -> Callable[[list[Message]], bool]:
    """Whether so many messages of a kind are there."""
    return lambda messages: sum(isinstance(message, kind) for message in messages) >= count
