"""What the gateway tells the counter, once, before it opens the camera."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, ValidationError, model_validator

from edge_gateway.config import Identifier, PrivacyConfig, Section
from edge_gateway.links.errors import BadFrame
from edge_gateway.people.boundary import LENGTH_BYTES, MOST_LINES, framed

LONGEST_SETTINGS: Final = 65_536
_KIND: Final = b"S"

Pixel: TypeAlias = Annotated[float, Field(ge=0, le=16_384)]


class LineConfig(Section):
    """A line that people cross, in pixels of the source picture."""

    name: Annotated[Identifier, Field(description="name of the line", examples=["gate"])]
    start: Annotated[
        tuple[Pixel, Pixel],
        Field(description="one end, [x, y] in pixels from the top left", examples=[[100, 400]]),
    ]
    end: Annotated[
        tuple[Pixel, Pixel],
        Field(
            description="other end; forward is from the right of start -> end to its left",
            examples=[[600, 400]],
        ),
    ]

    @model_validator(mode="after")
    def _a_line_has_length(self) -> Self:
        if self.start == self.end:
            raise ValueError(f"line {self.name!r} starts and ends at {list(self.start)}")
        return self


def _names_are_unique(lines: tuple[LineConfig, ...]) -> tuple[LineConfig, ...]:
    names = [line.name for line in lines]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"line name {name!r} is used {names.count(name)} times")
    return lines


Lines: TypeAlias = Annotated[
    tuple[LineConfig, ...],
    Field(
        min_length=1,
        max_length=MOST_LINES,
        description="lines that people cross; each is counted in both directions",
    ),
    AfterValidator(_names_are_unique),
]
ModelSide: TypeAlias = Literal[416, 320]


class CounterSettings(Section):
    """All a counter works by. It cannot be made without the permission to count.

    Times are in seconds; `picture_interval_s` of 0 lets no picture leave.
    """

    permission: PrivacyConfig
    source: Annotated[str, Field(min_length=1)]
    model: ModelSide = 416
    line: Lines
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = 900
    picture_interval_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    threads: Annotated[int, Field(ge=1, le=16)] = 1
    every: Annotated[int, Field(ge=1, le=100)] = 1
    loop: bool = False


def encode_settings(settings: CounterSettings) -> bytes:
    """Write the settings as the one frame that goes to the counter."""
    return framed(_KIND, settings.model_dump_json().encode())


def read_settings(receive: Callable[[int], bytes]) -> CounterSettings:
    """Read the settings frame through `receive(at_most)`, which returns b"" at the end.

    Raises BadFrame when something else comes, or nothing.
    """
    length = int.from_bytes(_exactly(receive, LENGTH_BYTES), "big")
    if not 1 < length <= LONGEST_SETTINGS:
        raise BadFrame(f"the settings announce {length} bytes, at most {LONGEST_SETTINGS} are read")
    frame = _exactly(receive, length)
    if frame[:1] != _KIND:
        raise BadFrame(f"expected settings, got a frame of kind {frame[:1]!r}")
    try:
        return CounterSettings.model_validate_json(frame[1:])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadFrame(f"bad counter settings: {where}: {first['msg']}") from None


def _exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        part = receive(count - len(data))
        if not part:
            raise BadFrame(f"the settings end after {len(data)} of {count} bytes")
        data += part
    return bytes(data)
