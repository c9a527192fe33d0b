"""Byte patterns that must not leave the counter, in the guises a leak may have."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from edge_gateway.links.errors import BadFrame
from edge_gateway.people.boundary import Decoder, EncodedPicture
from edge_gateway.people.detect import Detector, shipped_model
from edge_gateway.people.frame import Picture

WIDTH, HEIGHT, PICTURES = 400, 300, 24
SIDE = 320
# Eight pixels, again and again over the shape that moves.
TILE = Random(20261122).randbytes(24)
PIECE_BYTES = 12
EXIF = b"exif-canary-of-the-camera-7f3a"
COMMENT = b"comment-canary-of-the-camera-c91e"


def scene(number: int) -> Picture:
    """A street of plain slabs, and a shape full of the pattern elsewhere in each picture."""
    slabs = np.random.default_rng(5).integers(60, 180, (15, 20, 1), np.uint8)
    grey = cv2.resize(slabs, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    picture = np.repeat(grey[:, :, np.newaxis], 3, axis=2).astype(np.uint8)
    left = 8 * (number * 5 % 36)
    row = np.frombuffer(TILE * 12, np.uint8).reshape(1, -1, 3)
    picture[60:240, left : left + row.shape[1]] = row
    return picture


def of_pictures() -> dict[str, bytes]:
    """What stands for the pixels, interleaved and by colour."""
    planes = {f"plane {colour}": TILE[colour::3] for colour in range(3)}
    return {"pixels": TILE[:PIECE_BYTES], "pixels behind": TILE[PIECE_BYTES:], **planes}


def of_tensors() -> dict[str, bytes]:
    """Twelve bytes of what goes into the network and of what comes out, for each picture."""
    tensors: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []

    def keep(given: NDArray[np.uint8], taken: NDArray[np.float32]) -> None:
        tensors.append((given.copy(), taken.copy()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnxruntime, "InferenceSession", overheard(keep))
        detector = Detector(shipped_model(SIDE), threads=1)
        for number in range(PICTURES):
            detector.detect(scene(number))
    found: dict[str, bytes] = {}
    for number, (given, taken) in enumerate(tensors):
        row = given[0, 120]
        columns = np.flatnonzero(row.astype(int).std(axis=1) > 1)
        middle = int(columns[len(columns) // 2])
        found[f"input {number}"] = row[middle : middle + 4].tobytes()
        place = int(taken[0, 0].argmax())
        found[f"output {number}"] = taken[0, 5, place : place + 3].tobytes()
    return found


def overheard(
    told: Callable[[NDArray[np.uint8], NDArray[np.float32]], object],
) -> type[onnxruntime.InferenceSession]:
    """A session that tells of each input and output."""

    class Overheard(onnxruntime.InferenceSession):
        def run(self, output_names: Any, input_feed: Any) -> Any:
            outputs: Any = super().run(output_names, input_feed)
            told(next(iter(input_feed.values())), outputs[0])
            return outputs

    return Overheard


def jpeg_with_canaries(number: int) -> tuple[bytes, bytes]:
    """A camera's JPEG with EXIF and a comment, and twelve bytes of its scan."""
    plain = cv2.imencode(".jpg", scene(number))[1].tobytes()
    exif = b"Exif\x00\x00" + EXIF
    extra = b"".join(
        bytes([0xFF, marker]) + (2 + len(body)).to_bytes(2, "big") + body
        for marker, body in ((0xE1, exif), (0xFE, COMMENT))
    )
    middle = len(plain) // 2
    return plain[:2] + extra + plain[2:], plain[middle : middle + PIECE_BYTES]


def guises(piece: bytes) -> Iterator[tuple[str, bytes]]:
    """The piece as it may travel."""
    yield "raw", piece
    yield "backwards", piece[::-1]
    whole = piece[: len(piece) // 3 * 3]
    yield "other colour order", b"".join(whole[at : at + 3][::-1] for at in range(0, len(whole), 3))
    yield "hex", piece.hex().encode()
    yield "HEX", piece.hex().upper().encode()
    for shift in range(3):
        # The first and the last sign depend on what stands beside the piece.
        signs = base64.b64encode(bytes(shift) + piece).rstrip(b"=")[(0, 2, 3)[shift] :]
        whole_signs = signs[: (len(piece) - (3 - shift) % 3) // 3 * 4]
        yield f"base64 at {shift}", whole_signs
        yield f"base64url at {shift}", whole_signs.translate(bytes.maketrans(b"+/", b"-_"))


def search(leaving: Mapping[str, bytes], canaries: Mapping[str, bytes]) -> list[str]:
    """Where any canary is in any guise, in words; pictures are looked at decoded, too."""
    pile = dict(leaving)
    for name, data in leaving.items():
        pile |= {f"{name}, {what}": pixels for what, pixels in _pictures_in(data)}
    return [
        f"{canary} in {name}, {guise}"
        for canary, piece in canaries.items()
        for guise, needle in guises(piece)
        for name, data in pile.items()
        if needle in data
    ]


def _pictures_in(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Pictures in the counter's stream, or the picture that the whole is: pixels, and as sent."""
    contents = [data] if data.startswith((b"\xff\xd8", b"\x89PNG")) else []
    try:
        messages = Decoder().feed(data)
    except BadFrame:
        messages = []
    contents += [message.content for message in messages if isinstance(message, EncodedPicture)]
    for number, content in enumerate(contents):
        yield f"picture {number}", content
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if image is not None:
            yield f"pixels of picture {number}", image.tobytes()
            for colour in range(3):
                yield f"plane of picture {number}", image[:, :, colour].tobytes()
