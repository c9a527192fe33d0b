"""A serial line as the frames of one device that talks by itself or when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import BadFrame, DeviceReset, DeviceSilent, LinkGone
from edge_gateway.links.frames import Deframer, Lines
from edge_gateway.reading import Measured

AT_ONCE = 256  # bytes; a deframer holds no more than one frame and what one read brings


class FramedLine:
    """Frames of the device `name`, cut by `frames` and turned into values by `decode`.

    A line cuts frames up at will, so a half one is kept
    until the rest comes; it is forgotten when the line or the device goes.
    """

    def __init__(
        self,
        link: ByteStream,
        frames: Deframer | Lines,
        decode: Callable[[bytes], Measured],
        *,
        name: str,
    ) -> None:
        self._link = link
        self._frames = frames
        self._decode = decode
        self._name = name
        self._first_sample_is_to_come = False
        self._answer_may_be_late = False

    def heard(self, patience_s: float) -> Iterator[Measured]:
        """Yield what each frame says, without those that say nothing.

        Raises DeviceSilent when nothing comes for `patience_s`, and what the frames and their
        decoding raise; the sample that follows a DeviceReset is dropped.
        """
        while True:
            measured = self._next(patience_s, was_asked=False)
            if not self._is_first():
                yield measured

    def asked(self, request: bytes, period_s: float, patience_s: float) -> Iterator[Measured]:
        """Send `request` every `period_s` and yield each answer, with the errors of `heard`.

        An answer that ends half-way is a BadFrame. After a silence as much time again goes by
        before the next request: the late answer, which nothing tells from the next one, is dropped.
        """
        while True:
            self._drop_what_was_not_asked_for(patience_s if self._answer_may_be_late else 0.0)
            self._link.write(request)
            measured = self._next(patience_s, was_asked=True)
            if self._is_first():
                continue
            yield measured
            # A wait on the line, unlike a sleep, ends when the line is closed.
            self._frames.feed(self._read(period_s))

    def _next(self, patience_s: float, *, was_asked: bool) -> Measured:
        while True:
            while (frame := self._take()) is not None:
                if measured := self._decoded(frame):
                    return measured
            came = self._read(patience_s)
            if not came:
                raise self._silence(patience_s, was_asked=was_asked)
            self._frames.feed(came)

    def _silence(self, patience_s: float, *, was_asked: bool) -> BadFrame | DeviceSilent:
        half = len(self._frames)
        self._frames.clear()
        self._answer_may_be_late = was_asked
        if half and was_asked:
            return BadFrame(f"the answer of the {self._name} ends after {half} bytes")
        return DeviceSilent(f"no byte from the {self._name} in {patience_s:g} s")

    def _drop_what_was_not_asked_for(self, patience_s: float) -> None:
        while came := self._read(patience_s):
            self._frames.feed(came)
        self._answer_may_be_late = False
        while (frame := self._take()) is not None:
            self._decoded(frame)  # a restart must not be missed

    def _take(self) -> bytes | None:
        try:
            return self._frames.take()
        except DeviceReset:
            self._first_sample_is_to_come = True
            raise

    def _decoded(self, frame: bytes) -> Measured:
        try:
            return self._decode(frame)
        except DeviceReset:
            self._first_sample_is_to_come = True
            raise

    def _is_first(self) -> bool:
        first, self._first_sample_is_to_come = self._first_sample_is_to_come, False
        return first

    def _read(self, patience_s: float) -> bytes:
        try:
            return self._link.read(AT_ONCE, patience_s)
        except LinkGone:
            self._frames.clear()
            raise
