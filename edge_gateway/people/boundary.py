"""All that may leave the camera counter, as types and as bytes.

`Counts`, `Coverage`, `Health` and `EncodedPicture` are checked when they are made and again when
they are read; nothing else has an encoding. A frame is its length (4 bytes, big-endian), one byte
for its kind, and that kind's fields as JSON. What goes the other way: `counter_settings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from edge_gateway.config import Identifier
from edge_gateway.links.errors import BadFrame
from edge_gateway.people.picture_format import PictureFormat, check_picture

# A 1920x1080 picture as PNG is about 4 MB, in base64 a third more.
LONGEST_PICTURE: Final = 6_000_000
LONGEST_FRAME: Final = LONGEST_PICTURE * 4 // 3 + 1024
LENGTH_BYTES: Final = 4
MOST_LINES: Final = 32
MOST_ZONES: Final = 16
DWELL_EDGES_S: Final = (5, 15, 30, 60, 120, 300, 600, 1800)
"""Edges between the bins of a dwell histogram, which has one bin more than there are edges: a stay
of just 5 s is in the second."""
DWELL_BINS: Final = len(DWELL_EDGES_S) + 1

_STRICT: Final = ConfigDict(
    extra="forbid",
    strict=True,
    allow_inf_nan=False,
    ser_json_bytes="base64",
    val_json_bytes="base64",
)

# An interval is a day at most; the last one may end a little late.
WindowSeconds: TypeAlias = Annotated[float, Field(gt=0, le=90_000)]
PeopleCount: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000)]
Dwell: TypeAlias = Annotated[
    tuple[PeopleCount, ...], Field(min_length=DWELL_BINS, max_length=DWELL_BINS)
]
RateLimit: TypeAlias = Literal["none", "cpu", "heat", "throttled"]


class SourceState(StrEnum):
    """What the camera gives at the moment; only while `SEEING` is anything observed."""

    OPENING = "opening"
    SEEING = "seeing"
    FROZEN = "frozen"
    DARK = "dark"
    BLOCKED = "blocked"
    BLURRED = "blurred"
    LOST = "lost"
    ENDED = "ended"


class Direction(StrEnum):
    """Which way a line was crossed, as seen in the picture.

    Looking along the line from `start` to `end`, `forward` is from the right hand to the left
    hand. Under a line drawn from left to right that is: upwards.
    """

    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True, config=_STRICT)
class LineCount:
    """How many crossed one line in one direction, and how fast; None without a ground plane."""

    line: Identifier
    direction: Direction
    count: PeopleCount
    speed_mean_m_s: Annotated[float, Field(ge=0, le=20)] | None = None


@dataclass(frozen=True, slots=True, config=_STRICT)
class ZoneCount:
    """One zone in one window: occupancy by observed time only, and stays without identities.

    `dwell` counts the stays that ended in the window by their whole length, also what of it lies
    before the window; `running` those that go on at its end by their length so far, which come
    again in a later `dwell`. So `entered` - sum(dwell) is the change of sum(running). Of the
    stays in `dwell`, `cut_short` had a beginning or an end that was not seen: they were longer.
    """

    zone: Identifier
    mean_people: Annotated[float, Field(ge=0, le=10_000)]
    most_people: Annotated[int, Field(ge=0, le=10_000)]
    entered: PeopleCount
    dwell: Dwell
    dwell_mean_s: Annotated[float, Field(ge=0, le=90_000_000)] | None
    running: Dwell = (0,) * DWELL_BINS
    cut_short: PeopleCount = 0


@dataclass(frozen=True, slots=True, config=_STRICT)
class Counts:
    """One window that has ended: every line and direction, and every zone, also those of 0.

    `method` names how they were counted, `model` is the SHA-256 of the detector's file.
    """

    window_s: WindowSeconds
    lines: Annotated[tuple[LineCount, ...], Field(max_length=2 * MOST_LINES)]
    method: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_./+-]{0,62}$")]
    model: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}$")]
    zones: Annotated[tuple[ZoneCount, ...], Field(max_length=MOST_ZONES)] = ()

    def __post_init__(self) -> None:
        """One count a line and direction, and one a zone."""
        if len({part.zone for part in self.zones}) != len(self.zones):
            raise ValueError("a zone is counted twice")
        if len({(part.line, part.direction) for part in self.lines}) != len(self.lines):
            raise ValueError("a line and direction is counted twice")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Unseen:
    """How long of a window nothing was observed for one cause."""

    state: SourceState
    seconds: Annotated[float, Field(ge=0, le=90_000)]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Coverage:
    """How much of one window was seen; it comes just before the `Counts` of the same window.

    `unseen_s` says what took the rest, each cause once; what is in none of them lay between
    pictures.
    """

    observed_s: Annotated[float, Field(ge=0, le=90_000)]
    window_s: WindowSeconds
    frames: Annotated[int, Field(ge=0, le=100_000_000)]
    unseen_s: Annotated[tuple[Unseen, ...], Field(max_length=len(SourceState))] = ()

    def __post_init__(self) -> None:
        """Nobody sees more of a window than there is of it."""
        if self.observed_s > self.window_s:
            raise ValueError("observed_s is longer than window_s")
        if len({part.state for part in self.unseen_s}) != len(self.unseen_s):
            raise ValueError("a cause is in unseen_s twice")

    @property
    def ratio(self) -> float:
        """Observed share of the window, 0 to 1."""
        return self.observed_s / self.window_s


@dataclass(frozen=True, slots=True, config=_STRICT)
class Health:
    """The counter's pulse, once a second: frames a second kept, milliseconds a frame cost.

    `rate_limit` says why it looks at fewer pictures than the source gives.
    """

    frame_rate: Annotated[float, Field(ge=0, le=1000)]
    inference_ms: Annotated[float, Field(ge=0, le=600_000)]
    source: SourceState
    people: Annotated[int, Field(ge=0, le=10_000)]
    rate_limit: RateLimit = "none"


@dataclass(frozen=True, slots=True, config=_STRICT)
class EncodedPicture:
    """An anonymized picture as the anonymizer's encoder wrote it: no metadata, nothing appended.

    `monotonic_ns` is when it was made, on the monotonic clock that all processes of a boot share.
    """

    format: PictureFormat
    content: Annotated[bytes, Field(max_length=LONGEST_PICTURE)]
    monotonic_ns: Annotated[int, Field(ge=0, lt=2**63)]

    def __post_init__(self) -> None:
        """Refuse what the encoder does not write: EXIF, comments, trailing bytes."""
        check_picture(self.format, self.content)


Message: TypeAlias = Counts | Coverage | Health | EncodedPicture


def encode(message: Message) -> bytes:
    """Write one message as a frame; TypeError for anything else, whatever it looks like."""
    kind = _KINDS.get(type(message))
    if kind is None:
        raise TypeError(f"{type(message).__name__} may not leave the counter")
    return framed(kind, _ADAPTERS[kind].dump_json(message))


def framed(kind: bytes, body: bytes) -> bytes:
    """Put length and kind before a body."""
    return (len(kind) + len(body)).to_bytes(LENGTH_BYTES, "big") + kind + body


class Decoder:
    """Bytes as they come -> messages. It holds less than one longest frame, whatever is fed."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._failure = ""

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that `data` completes.

        Raises BadFrame for anything that is not a message, and from then on for every feed: a
        stream that was wrong once has no next frame to find.
        """
        if self._failure:
            raise BadFrame(self._failure)
        messages: list[Message] = []
        try:
            self._pending += data
            while (frame := self._next()) is not None:
                messages.append(_decode(frame))
        except BadFrame as error:
            self._failure = str(error)
            self._pending.clear()
            raise
        return messages

    @property
    def pending(self) -> int:
        """Bytes kept of a frame that is not complete."""
        return len(self._pending)

    def _next(self) -> bytes | None:
        if len(self._pending) < LENGTH_BYTES:
            return None
        length = int.from_bytes(self._pending[:LENGTH_BYTES], "big")
        if not 1 < length <= LONGEST_FRAME:
            raise BadFrame(f"the counter announced a frame of {length} bytes")
        kind = bytes(self._pending[LENGTH_BYTES : LENGTH_BYTES + 1])
        if kind and kind not in _ADAPTERS:
            raise BadFrame(f"the counter sent a frame of unknown kind {kind!r}")
        end = LENGTH_BYTES + length
        if len(self._pending) < end:
            return None
        frame = bytes(self._pending[LENGTH_BYTES:end])
        del self._pending[:end]
        return frame


def _decode(frame: bytes) -> Message:
    try:
        return _ADAPTERS[frame[:1]].validate_json(frame[1:])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:64] or "the whole"
        raise BadFrame(f"the counter sent a bad message: {where!r}: {first['msg']}") from None


_KINDS: Final[Mapping[type, bytes]] = {
    Counts: b"C",
    Coverage: b"V",
    Health: b"H",
    EncodedPicture: b"P",
}
_ADAPTERS: Final[Mapping[bytes, TypeAdapter[Any]]] = {
    kind: TypeAdapter(of) for of, kind in _KINDS.items()
}
