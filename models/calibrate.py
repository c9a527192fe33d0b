"""Measure the activation ranges that `build.py` quantises with, over street pictures.

Needs onnxruntime and OpenCV beside what `build.py` needs. Of the PETS clip only the first half
is looked at: the second is kept for acceptance and has taken no part in making the models.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime as ort
from build import RANGES
from nanodet import PIXELS, SIZES, build_float
from onnx import ModelProto, TensorProto, helper
from quantise import Range, activations
from tarball import cache_folder, obtain, read_members

from edge_gateway.people.detect import Picture, letterbox

PETS_LAST_FRAME: Final = 397
PETS_EVERY: Final = 10
OTHERS_EVERY: Final = 8
TAIL: Final = 1e-4
"""Share of an activation's values in one picture that may lie beyond either end of its range."""
DIGITS: Final = 4
"""Significant digits kept."""


def main() -> int:
    """Measure every size and write the ranges; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the models' activation ranges.")
    parser.add_argument("--tarball", type=Path, help="the npm package, if it is already here")
    parser.add_argument("--pets", type=Path, required=True, help="the PETS clip, vtest.avi")
    parser.add_argument("others", type=Path, nargs="+", help="further clips with people")
    parser.add_argument("--out", type=Path, default=RANGES, help="file to write (%(default)s)")
    arguments = parser.parse_args()
    pictures = list(frames(arguments.pets, PETS_EVERY, PETS_LAST_FRAME))
    for clip in sorted(arguments.others):
        pictures += frames(clip, OTHERS_EVERY)
    model_json, blob = read_members(arguments.tarball or obtain(cache_folder()))
    ranges = {str(s): measure(build_float(model_json, blob, s), s, pictures) for s in SIZES}
    about = (
        f"Smallest and largest value of each tensor over {len(pictures)} pictures, "
        f"{TAIL:.0e} of each picture's values cut off at either end. Written by calibrate.py."
    )
    arguments.out.write_text(as_text(about, ranges))
    return 0


def frames(clip: Path, every: int, last: int | None = None) -> Iterator[Picture]:
    """Yield every so many frames of a clip, from the first; stops after frame `last`."""
    capture = cv2.VideoCapture(str(clip))
    number = 0
    while number != last:
        good, frame = capture.read()
        if not good:
            break
        number += 1
        if number % every == 1:
            yield np.asarray(frame, np.uint8)
    if not number:
        raise SystemExit(f"{clip} holds no picture that OpenCV can read")


def measure(model: ModelProto, size: int, pictures: list[Picture]) -> dict[str, Range]:
    """Run the fp32 model over pictures and return the range of each activation."""
    names = activations(model)
    for name in names:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    lowest, highest = np.zeros(len(names)), np.zeros(len(names))
    for number, picture in enumerate(pictures, start=1):
        square, _across, _down = letterbox(picture, size)
        values = session.run(names, {PIXELS: square[np.newaxis]})
        ends = np.array([np.quantile(value, (TAIL, 1 - TAIL)) for value in values])
        lowest, highest = np.minimum(lowest, ends[:, 0]), np.maximum(highest, ends[:, 1])
        print(f"\r{size}: picture {number} of {len(pictures)}", end="", flush=True)
    print()
    pairs = zip(lowest.tolist(), highest.tolist(), strict=True)
    return {n: (rounded(low), rounded(high)) for n, (low, high) in zip(names, pairs, strict=True)}


def rounded(value: float) -> float:
    """Keep the digits that matter, for a file that can be read."""
    return float(f"{value:.{DIGITS}g}")


def as_text(about: str, ranges: dict[str, dict[str, Range]]) -> str:
    """Lay the ranges out with one tensor a line."""
    sizes = [
        f'    "{size}": {{\n'
        + ",\n".join(f'      "{name}": [{low}, {high}]' for name, (low, high) in tensors.items())
        + "\n    }"
        for size, tensors in ranges.items()
    ]
    body = ",\n".join(sizes)
    return f'{{\n  "about": {json.dumps(about)},\n  "ranges": {{\n{body}\n  }}\n}}\n'


if __name__ == "__main__":
    sys.exit(main())
