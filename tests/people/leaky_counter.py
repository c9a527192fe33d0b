"""A counter that leaks, to see that the search for canaries finds it. Nothing but a test starts it.

It leaks by its pictures, by what it prints, by the words of a message, by a file (outside the
sandbox), by the network's input and by its output.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest

from edge_gateway.people import counter, watch
from edge_gateway.people.boundary import Counts, EncodedPicture
from edge_gateway.people.counting import PeopleCounter
from edge_gateway.people.frame import Picture
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.sandbox import Needs
from edge_gateway.people.scene import AnonymizedScene
from tests.people.canaries import overheard

_newest: list[Picture] = []
_update = PeopleCounter.update


def _updated(self: PeopleCounter, picture: Picture, *more: Any) -> Any:
    _newest[:] = [picture]
    sys.stderr.write(base64.b64encode(picture[150].tobytes()).decode() + "\n")
    Path("leak.bin").write_bytes(picture.tobytes())
    return _update(self, picture, *more)


def _drawn(self: AnonymizedScene, tracks: Iterable[object], monotonic_ns: int) -> EncodedPicture:
    del self, tracks
    png = cv2.imencode(".png", _newest[0][:, :, ::-1])[1].tobytes()
    return EncodedPicture(PictureFormat.PNG, png, monotonic_ns)


def _counts(window_s: float, lines: Any, method: str, *more: Any) -> Counts:
    del method
    row = _newest[0][150]
    first = int(np.flatnonzero(row.max(axis=1) != row.min(axis=1))[0])
    return Counts(window_s, lines, "a" + row[first : first + 8].tobytes().hex(), *more)


def _tensors(given: Any, taken: Any) -> None:
    sys.stderr.write(given[0, 120].tobytes().hex() + "\n")
    sys.stderr.write(base64.b64encode(taken[0, 5].tobytes()).decode() + "\n")


def _unconfined(needs: Needs) -> tuple[str, ...]:
    del needs
    return ()


if __name__ == "__main__":
    patch = pytest.MonkeyPatch()
    patch.setattr(PeopleCounter, "update", _updated)
    patch.setattr(AnonymizedScene, "draw", _drawn)
    patch.setattr(watch, "Counts", _counts)
    patch.setattr(onnxruntime, "InferenceSession", overheard(_tensors))
    patch.setattr(counter, "enter", _unconfined)
    sys.exit(counter.counter_main(int(sys.argv[-1])))
