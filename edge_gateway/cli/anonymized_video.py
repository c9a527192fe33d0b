"""The anonymized video of `count --anonymized`: only what the anonymizer lets out is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2

from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.people.anonymize import Anonymizer, Inspector, Marker
from edge_gateway.people.counting import CountedFrame
from edge_gateway.people.frame import Frame, Source
from edge_gateway.people.lines import Line

CODEC = "mp4v"


class AnonymizedVideo:
    """An MP4 as large as the source picture; frames are written as they are counted.

    `inspect` looks for people in the scene as drawn: what it finds is withheld.
    """

    def __init__(
        self,
        path: Path,
        source: Source,
        rate: float,
        lines: Sequence[Line],
        inspect: Inspector,
    ) -> None:
        if not path.parent.is_dir():
            raise CommandError(f"--anonymized {path}: no such folder; make it first", Exit.USAGE)
        self._path = path
        self._lines = [(line.name, line.start, line.end) for line in lines]
        self._anonymizer = Anonymizer(source.width, source.height, inspect=inspect)
        size = (source.width, source.height)
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*CODEC), rate, size)
        if not self._writer.isOpened():
            raise CommandError(f"--anonymized {path}: cannot be written; name a .mp4 file")

    def __enter__(self) -> Self:
        """Write while the block runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file."""
        self._writer.release()

    def add(self, frame: Frame, counted: CountedFrame) -> None:
        """Learn from a frame and write what may be shown of that moment."""
        self._anonymizer.learn(frame.picture, counted.boxes, frame.time_s)
        markers = [Marker(*track.foot, track.height) for track in counted.tracks]
        self._writer.write(self._anonymizer.picture(markers, self._lines).pixels)
