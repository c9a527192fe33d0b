"""Runs the counter's stages over pictures, one after the other, with a stopwatch."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from edge_gateway.cli.bench.stages import Cost, Figures, Stage, Stopwatch
from edge_gateway.cli.bench.street import DrawnStreet
from edge_gateway.cli.terminal import CommandError, Exit, progress
from edge_gateway.links.errors import DeviceError
from edge_gateway.people.boundary import SourceState
from edge_gateway.people.counting import CountedFrame
from edge_gateway.people.detect import Detector, ModelError, shipped_model
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.lines import Line, LineCounter
from edge_gateway.people.mask import Mask
from edge_gateway.people.observation import RunningWindow
from edge_gateway.people.scene import AnonymizedScene
from edge_gateway.people.sight import Sight
from edge_gateway.people.sources import open_source, shown
from edge_gateway.people.track import Tracker
from edge_gateway.people.zones import Zone

OTHER_MODEL: Final = {416: 320, 320: 416}
OTHER_EVERY: Final = 4
"""The other model looks at each fourth picture: enough to tell what it would cost."""
WARM_UP: Final = 3
"""Pictures before the measured ones: caches fill, memory is taken."""
SILENT_S: Final = 10.0


def measure(source: str | None, *, model: int, pictures: int, threads: int) -> Figures:
    """Look at so many pictures of `source`, or of a drawn street; raises CommandError."""
    try:
        detector = Detector(shipped_model(model), threads=threads)
        other = Detector(shipped_model(OTHER_MODEL[model]), threads=threads)
        bench = _Bench(detector, other, threads)
        with ExitStack() as stack:
            opened = stack.enter_context(open_source(source, realtime=False)) if source else None
            report = stack.enter_context(
                progress("measuring the camera counter", pictures + WARM_UP, "pictures")
            )
            for frame in bench.pictures(opened, pictures + WARM_UP):
                bench.look(frame)
                report.update(bench.looked)
    except (DeviceError, ModelError) as error:
        raise CommandError(str(error), Exit.INPUT) from error
    if bench.looked <= WARM_UP:
        raise CommandError(
            f"{shown(source or '')} gave {bench.looked} pictures: more than {WARM_UP} are needed",
            Exit.INPUT,
        )
    return Figures(
        machine=_machine(),
        cores=os.cpu_count() or 1,
        source=shown(source) if source else "a drawn street",
        size=bench.size,
        pictures=bench.looked - WARM_UP,
        model=model,
        threads=threads,
        costs=bench.costs(),
        other_model=OTHER_MODEL[model],
        other_model_cpu_ms=bench.other_cpu_ms(),
        people=bench.people / (bench.looked - WARM_UP),
        rss_mb=_most_memory_mb(),
    )


class _Stations:
    """What stands behind the detector for one size of pictures; it counts over two lines."""

    def __init__(self, width: int, height: int, detector: Detector) -> None:
        lines = [
            Line(f"line {third}", (third * width / 3, 0.0), (third * width / 3, float(height)))
            for third in (1, 2)
        ]
        half = ((0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0))
        zone = Zone("zone", tuple((x * width, y * height) for x, y in half))
        self.size = (width, height)
        self.mask = Mask([[(0, 0), (width / 6, 0), (width / 6, height / 6)]], width, height)
        self.sight = Sight(self.mask.covered)
        self.tracker = Tracker()
        self.lines = LineCounter(lines)
        self.window = RunningWindow([line.name for line in lines], 0.0, [zone])
        self.scene = AnonymizedScene(width, height, lines, detector.detect)


class _Bench:
    def __init__(self, detector: Detector, other: Detector, threads: int) -> None:
        self._detector, self._other, self._threads = detector, other, threads
        self._stations: _Stations | None = None
        self.looked = 0
        self._forget()

    def _forget(self) -> None:
        # A video's decoder works on in threads of its own while the other stages run: they are
        # measured by their thread, and what is left of the process is the decoder's.
        self._watch = Stopwatch(time.thread_time, time.perf_counter)
        self._several = Stopwatch(time.process_time, time.perf_counter)
        self._whole_s = self._other_s = 0.0
        self._others = self.people = 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the pictures."""
        return self._stations.size if self._stations else (0, 0)

    def pictures(self, source: Source | None, count: int) -> Iterator[Frame]:
        """Yield the pictures; decoding counts, drawing does not."""
        street = DrawnStreet()
        for number in range(1, count + 1):
            if source is None:
                yield street.frame(number)
                continue
            began_s = time.process_time()
            with self._watch.time(Stage.DECODE):
                frame = source.next_frame(SILENT_S)
            self._whole_s += time.process_time() - began_s
            if frame is not None:
                yield frame
            elif source.state is SourceState.ENDED:
                return
            else:
                raise CommandError(f"no picture came within {SILENT_S:g} s", Exit.INPUT)

    def look(self, frame: Frame) -> None:
        """Put a picture through all stages."""
        height, width = frame.picture.shape[:2]
        stations = self._stations
        if stations is None or stations.size != (width, height):
            stations = self._stations = _Stations(width, height, self._detector)
        began_s = time.process_time()
        self._put_through(frame, stations)
        self._whole_s += time.process_time() - began_s
        if self.looked % OTHER_EVERY == 0:
            began_s = time.process_time()
            self._other.detect(frame.picture)
            self._other_s += time.process_time() - began_s
            self._others += 1
        self.looked += 1
        if self.looked == WARM_UP:
            self._forget()

    def _put_through(self, frame: Frame, stations: _Stations) -> None:
        watch = self._watch
        with watch.time(Stage.MASK):
            picture = stations.mask.apply(frame.picture)
        with watch.time(Stage.SIGHT):
            stations.sight.look(picture, frame.time_s)
        with watch.time(Stage.LETTERBOX):
            pixels, scale = self._detector.fit(picture)
        with (watch if self._threads == 1 else self._several).time(Stage.INFERENCE):
            cells = self._detector.infer(pixels)
        with watch.time(Stage.BOXES):
            boxes = self._detector.people(cells, picture, scale)
        with watch.time(Stage.TRACKING):
            tracks = stations.tracker.update(boxes, frame.time_s)
        with watch.time(Stage.COUNTING):
            crossings = stations.lines.update(tracks, frame.number, frame.time_s)
            stations.window.take(CountedFrame(boxes, tracks, crossings), frame.time_s)
        with watch.time(Stage.SCENE):
            stations.scene.learn(picture, boxes, frame.time_s)
        self.people += len(tracks)

    def costs(self) -> dict[Stage, Cost]:
        """What each stage takes of a picture."""
        pictures = self.looked - WARM_UP
        costs = self._watch.costs(pictures)
        if self._threads > 1:
            costs[Stage.INFERENCE] = self._several.costs(pictures)[Stage.INFERENCE]
        decode = costs.pop(Stage.DECODE)
        if not decode.wall_ms:
            return costs
        others = sum(cost.cpu_ms for cost in costs.values())
        left = 1000 * self._whole_s / pictures - others
        return {Stage.DECODE: Cost(max(left, decode.cpu_ms), decode.wall_ms), **costs}

    def other_cpu_ms(self) -> float:
        """What the other model takes of a picture."""
        return 1000 * self._other_s / self._others


def _machine() -> str:
    """Name the processor, as the kernel does where it does."""
    for path, key in ((Path("/proc/device-tree/model"), ""), (Path("/proc/cpuinfo"), "model name")):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if not key:
            return text.rstrip("\0\n")
        for line in text.splitlines():
            if line.startswith(key):
                return line.partition(":")[2].strip()
    return platform.machine()


def _most_memory_mb() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere.
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
