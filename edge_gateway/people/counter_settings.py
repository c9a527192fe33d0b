"""What the gateway tells the counter, once, before it opens the camera."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, ValidationError, model_validator

from edge_gateway.config import Identifier, PrivacyConfig, Section
from edge_gateway.links.errors import BadFrame
from edge_gateway.people import geometry
from edge_gateway.people.boundary import LENGTH_BYTES, MOST_LINES, MOST_ZONES, framed
from edge_gateway.people.ground import GroundPlane

LONGEST_SETTINGS: Final = 65_536
_KIND: Final = b"S"
MOST_MASKS: Final = 32
MOST_CORNERS: Final = 32
CALIBRATION_S: Final = 600.0
"""Calibration pictures end so long after the counter's start."""
CALIBRATION_INTERVAL_S: Final = 1.0

Pixel: TypeAlias = Annotated[float, Field(ge=0, le=16_384)]
Place: TypeAlias = tuple[Pixel, Pixel]
Polygon: TypeAlias = Annotated[
    tuple[Place, ...],
    Field(min_length=3, max_length=MOST_CORNERS),
    AfterValidator(geometry.check_polygon),
]
PictureSide: TypeAlias = Annotated[int, Field(ge=16, le=16_384)]
Metres: TypeAlias = Annotated[float, Field(ge=-1000, le=1000)]


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


class ZoneConfig(Section):
    """An area in which people are counted and their stays timed."""

    name: Annotated[Identifier, Field(description="name of the zone", examples=["bench"])]
    polygon: Annotated[
        Polygon,
        Field(
            description="its corners on the ground, in order around it, [x, y] in pixels",
            examples=[[[150, 420], [550, 420], [600, 560], [100, 560]]],
        ),
    ]


class MaskConfig(Section):
    """A part of the picture that is blacked out before anything else sees it."""

    polygon: Annotated[
        Polygon,
        Field(
            description="its corners, in order around it, [x, y] in pixels",
            examples=[[[0, 0], [120, 0], [120, 90], [0, 90]]],
        ),
    ]


class GroundConfig(Section):
    """Four points of the ground, in the picture and on a plan: what speeds in m/s need."""

    picture: Annotated[
        tuple[Place, Place, Place, Place],
        Field(
            description="four points on the ground, in order around, [x, y] in pixels",
            examples=[[[150, 300], [550, 300], [700, 560], [0, 560]]],
        ),
    ]
    metres: Annotated[
        tuple[
            tuple[Metres, Metres],
            tuple[Metres, Metres],
            tuple[Metres, Metres],
            tuple[Metres, Metres],
        ],
        Field(
            description="the same four points measured on the street, [x, y] in metres",
            examples=[[[0, 8], [6, 8], [6, 0], [0, 0]]],
        ),
    ]

    @model_validator(mode="after")
    def _the_points_span_a_plane(self) -> Self:
        self.plane()
        return self

    def plane(self) -> GroundPlane:
        """The map from the picture to the street."""
        return GroundPlane(self.picture, self.metres)


def _names_are_unique(lines: tuple[LineConfig, ...]) -> tuple[LineConfig, ...]:
    _check_unique("line", [line.name for line in lines])
    return lines


def _zone_names_are_unique(zones: tuple[ZoneConfig, ...]) -> tuple[ZoneConfig, ...]:
    _check_unique("zone", [zone.name for zone in zones])
    return zones


def _check_unique(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} name {name!r} is used {names.count(name)} times")


Lines: TypeAlias = Annotated[
    tuple[LineConfig, ...],
    Field(
        min_length=1,
        max_length=MOST_LINES,
        description="lines that people cross; each is counted in both directions",
    ),
    AfterValidator(_names_are_unique),
]
Zones: TypeAlias = Annotated[
    tuple[ZoneConfig, ...],
    Field(
        max_length=MOST_ZONES,
        description="areas whose occupancy and stays are counted; none is needed",
    ),
    AfterValidator(_zone_names_are_unique),
]
Masks: TypeAlias = Annotated[
    tuple[MaskConfig, ...],
    Field(
        max_length=MOST_MASKS,
        description="windows and private land: blacked out before anything else sees the picture",
    ),
]
ModelSide: TypeAlias = Literal[416, 320]
Pictures: TypeAlias = Literal["none", "scene", "calibration"]


def check_layout(layout: geometry.Layout, size: tuple[int, int] | None) -> None:
    """Raise ValueError, saying what and what to do, where something drawn cannot work.

    `size` is width and height of the picture in pixels, None while nobody knows them.
    """
    for zone in layout.zone:
        if any(line.name == zone.name for line in layout.line):
            raise ValueError(
                f"{zone.name!r} names both a line and a zone; their counts would be taken for each"
                " other: rename one"
            )
    found = [*geometry.errors(layout)]
    if size is not None:
        found += geometry.errors_in_picture(layout, *size)
    if found:
        raise ValueError("; ".join(found))


class CounterSettings(Section):
    """All a counter works by. It cannot be made without the permission to count.

    Times are in seconds; what each field means stands at `camera.CameraConfig`.
    """

    permission: PrivacyConfig
    source: Annotated[str, Field(min_length=1)]
    model: ModelSide = 416
    line: Lines
    interval_s: Annotated[int, Field(ge=1, le=86_400)] = 900
    zone: Zones = ()
    mask: Masks = ()
    ground: GroundConfig | None = None
    picture_size: tuple[PictureSide, PictureSide] | None = None
    pictures: Pictures = "none"
    picture_interval_s: Annotated[float, Field(ge=10, le=86_400)] = 3600.0
    stand_still_s: Annotated[float, Field(ge=60, le=86_400)] = 600.0
    max_cpu: Annotated[float, Field(gt=0, le=1)] = 0.75
    max_celsius: Annotated[float, Field(ge=40, le=105)] = 75.0
    threads: Annotated[int, Field(ge=1, le=16)] = 1
    every: Annotated[int, Field(ge=1, le=100)] = 1
    loop: bool = False

    @property
    def picture_spacing_s(self) -> float:
        """Seconds between pictures while any leave."""
        return CALIBRATION_INTERVAL_S if self.pictures == "calibration" else self.picture_interval_s

    @property
    def pictures_for_s(self) -> float:
        """So long after the counter's start the last picture leaves."""
        return {"none": 0.0, "scene": math.inf, "calibration": CALIBRATION_S}[self.pictures]


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
