"""Virtual lines across the picture, and the people who cross them.

Coordinates are pixels of the source picture: x grows to the right, y grows downwards.
"""

import difflib
import math
import tomllib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias, cast

from edge_gateway.people.boundary import Direction
from edge_gateway.people.track import FootPoint, Track

Point: TypeAlias = tuple[float, float]

SETTLE: Final = 0.08
"""Body heights a person must stand clear of a line. A detector's foot point jitters by 0.04 on
people who stand still, half of it after tracking; counts are flat from 0.05 to 0.1."""
FORGET_S: Final = 10.0
"""How long after the last sight of a track its side of each line is kept: longer than any track
can be lost and found again."""
REMEMBERED_FRAMES: Final = 512
LEAST_PATH: Final = 0.2
"""Body heights a person must have come within `PATH_S` to have crossed anything: one who stands on
a line is pushed over it by the jitter of the detector, and by the box that half hides them."""
PATH_S: Final = 4.0
LEAST_STEPS: Final = 2
"""However slowly pictures come, the step before is remembered."""
SPEED_S: Final = 2.0
"""Speed is that of the steps from so long before the passage on."""
KEYS: Final = ("name", "start", "end")
"""Every key of one `[[line]]` table; all are required."""


class LinesError(ValueError):
    """The lines cannot be used; the message names the file, the table, the key and the cure."""


@dataclass(frozen=True, slots=True)
class Line:
    """A segment from `start` to `end`, in pixels of the source picture."""

    name: str
    start: Point
    end: Point

    def height_above(self, point: Point) -> float:
        """Signed distance (px) from the endless line: > 0 on the left hand of start -> end.

        "Left" is as seen in the picture: y grows downwards, so the usual sign is turned.
        """
        along_x, along_y = self.end[0] - self.start[0], self.end[1] - self.start[1]
        to_x, to_y = point[0] - self.start[0], point[1] - self.start[1]
        return (along_y * to_x - along_x * to_y) / math.hypot(along_x, along_y)

    def spans(self, point: Point) -> bool:
        """Whether the point's nearest place on the endless line lies between start and end."""
        along_x, along_y = self.end[0] - self.start[0], self.end[1] - self.start[1]
        share = (point[0] - self.start[0]) * along_x + (point[1] - self.start[1]) * along_y
        return 0 <= share <= along_x**2 + along_y**2


@dataclass(frozen=True, slots=True)
class Crossing:
    """One person's foot point went over one line; `frame` and `time_s` say when it did."""

    frame: int
    time_s: float
    line: str
    direction: Direction
    track: int
    speed_m_s: float | None = None


class LineCounter:
    """Turns tracks into crossings of the given lines.

    A crossing is reported once the foot point stands `settle` body heights beyond the line, and
    carries the moment of the passage itself, which may lie some frames back: people who were
    hidden while they crossed, and those whose track was still on trial, count from where they
    were. Only observed foot points count, never a guess of the tracker. Until the foot point has
    come `least_path` body heights in `PATH_S`, nothing is reported.

    `speed_of` tells a speed in m/s from foot points, where a ground plane is known.
    """

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        settle: float = SETTLE,
        least_path: float = LEAST_PATH,
        speed_of: Callable[[Sequence[FootPoint]], float | None] = lambda _steps: None,
    ) -> None:
        self._lines = tuple(lines)
        self._settle = settle
        self._least_path = least_path
        self._speed_of = speed_of
        self._walks: dict[int, _Walk] = {}
        self._frames: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_FRAMES)

    def update(self, tracks: Iterable[Track], frame: int, time_s: float) -> tuple[Crossing, ...]:
        """Take the tracks of one picture (frame counts from 1, time grows) and report crossings."""
        self._frames.append((time_s, frame))
        crossings: list[Crossing] = []
        for track in tracks:
            for step in track.steps:
                crossings.extend(self._follow(track, step))
        for gone in [
            number for number, walk in self._walks.items() if time_s - walk.last.time_s > FORGET_S
        ]:
            del self._walks[gone]
        return tuple(crossings)

    def _follow(self, track: Track, step: FootPoint) -> Iterable[Crossing]:
        walk = self._walks.get(track.id)
        if walk is None:
            passages = [_Passage(line.height_above((step.x, step.y))) for line in self._lines]
            self._walks[track.id] = _Walk(passages, deque([step]))
            return
        before = walk.last
        walk.go(step)
        for line, passage in zip(self._lines, walk.passages, strict=True):
            height = line.height_above((step.x, step.y))
            if (height > 0) != (passage.height > 0):
                passage.note(line, before, step, height)
            passage.height = height
            if abs(height) < self._settle * track.height:
                continue
            if passage.net:
                if walk.reach(step) < self._least_path * track.height:
                    continue
                yield Crossing(
                    frame=self._frame_at(passage.time_s),
                    time_s=passage.time_s,
                    line=line.name,
                    direction=Direction.FORWARD if passage.net > 0 else Direction.BACKWARD,
                    track=track.id,
                    speed_m_s=self._speed_of(walk.since(passage.time_s - SPEED_S)),
                )
            passage.net = 0

    def _frame_at(self, time_s: float) -> int:
        return min(self._frames, key=lambda seen: abs(seen[0] - time_s))[1]


def load_lines(path: Path) -> tuple[Line, ...]:
    """Read `[[line]]` tables of a TOML file; LinesError says what is wrong and where."""
    lines: list[Line] = []
    for number, table in enumerate(_tables(path), start=1):
        line = _line(f"{path}: [[line]] {number}", table)
        for other, earlier in enumerate(lines, start=1):
            if earlier.name == line.name:
                raise LinesError(
                    f"{path}: [[line]] {number}: name {line.name!r} is that of [[line]] {other}"
                    " too; give each line its own name"
                )
        lines.append(line)
    return tuple(lines)


def check_inside(lines: Iterable[Line], width: int, height: int) -> None:
    """Raise LinesError unless every line lies in a picture of width x height pixels."""
    for line in lines:
        for key, (x, y) in (("start", line.start), ("end", line.end)):
            if not (0 <= x <= width and 0 <= y <= height):
                raise LinesError(
                    f"line {line.name!r}: {key} = [{x:g}, {y:g}] is outside the picture, which is"
                    f" {width} x {height} pixels; choose x from 0 to {width}, y from 0 to {height}"
                )


def _tables(path: Path) -> list[object]:
    try:
        document: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LinesError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise LinesError(f"{path}: is not UTF-8 text; save it as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise LinesError(f"{path}: is not valid TOML: {error}; correct it there") from error
    for key in document:
        if key != "line":
            raise LinesError(
                f"{path}: unknown key {key!r}; the nearest valid one is [[line]], and there is"
                " no other"
            )
    tables = document.get("line")
    if isinstance(tables, dict):
        raise LinesError(f"{path}: [line] is a single table; write [[line]] with two brackets")
    if not isinstance(tables, list) or not tables:
        raise LinesError(f"{path}: has no line; add a [[line]] table with {', '.join(KEYS)}")
    return cast("list[object]", tables)


def _line(where: str, table: object) -> Line:
    if not isinstance(table, dict):
        raise LinesError(f"{where}: is not a table; write [[line]] and its keys below")
    entries = cast("dict[str, object]", table)
    for key in entries:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.0)
            raise LinesError(f"{where}: unknown key {key!r}; the nearest valid key is {near[0]!r}")
    for key in KEYS:
        if key not in entries:
            example = '"door"' if key == "name" else "[x, y]"
            raise LinesError(f"{where}: {key} is missing; add {key} = {example}")
    name = entries["name"]
    if not isinstance(name, str) or not name.strip():
        raise LinesError(f'{where}: name = {name!r} is not a text; write name = "door"')
    start, end = (_point(f"{where} ({name})", key, entries[key]) for key in ("start", "end"))
    if start == end:
        raise LinesError(f"{where} ({name}): start and end are the same point; move one of them")
    return Line(name, start, end)


def _point(where: str, key: str, value: object) -> Point:
    match value:
        case [int() | float() as x, int() | float() as y] if (
            not isinstance(x, bool) and not isinstance(y, bool) and math.isfinite(x + y)
        ):
            return float(x), float(y)
        case _:
            raise LinesError(
                f"{where}: {key} = {value!r} is not two numbers; write {key} = [x, y] in pixels"
            )


@dataclass(slots=True)
class _Passage:
    """How one track stands to one line since it last stood clear of it."""

    height: float
    net: int = 0
    time_s: float = 0.0

    def note(self, line: Line, before: FootPoint, now: FootPoint, height: float) -> None:
        """Add the passage between two foot points on opposite sides, if it met the segment."""
        share = self.height / (self.height - height)
        place = (before.x + share * (now.x - before.x), before.y + share * (now.y - before.y))
        if line.spans(place):
            self.net += 1 if height > 0 else -1
            self.time_s = before.time_s + share * (now.time_s - before.time_s)


@dataclass(slots=True)
class _Walk:
    passages: list[_Passage]
    steps: deque[FootPoint]
    """Those of the last `PATH_S`, and always the last two."""

    @property
    def last(self) -> FootPoint:
        return self.steps[-1]

    def go(self, step: FootPoint) -> None:
        self.steps.append(step)
        while step.time_s - self.steps[0].time_s > PATH_S and len(self.steps) > LEAST_STEPS:
            self.steps.popleft()

    def reach(self, step: FootPoint) -> float:
        return max(math.hypot(step.x - was.x, step.y - was.y) for was in self.steps)

    def since(self, time_s: float) -> list[FootPoint]:
        return [step for step in self.steps if step.time_s >= time_s]
