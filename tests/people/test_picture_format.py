from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_gateway.people.boundary import EncodedPicture
from edge_gateway.people.picture_format import PictureFormat

NOISE = np.random.default_rng(7).integers(0, 256, (24, 32, 3), np.uint8)
PNG = cv2.imencode(".png", NOISE)[1].tobytes()
JPEG = cv2.imencode(".jpg", NOISE)[1].tobytes()


@pytest.mark.parametrize(
    ("picture_format", "content"), [(PictureFormat.PNG, PNG), (PictureFormat.JPEG, JPEG)]
)
def test_what_the_encoder_writes_may_leave(picture_format: PictureFormat, content: bytes) -> None:
    assert EncodedPicture(picture_format, content, 0).content == content


def _png_with(kind: bytes, content: bytes) -> bytes:
    chunk = kind + content
    whole = len(content).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    after_header = 8 + 12 + 13
    return PNG[:after_header] + whole + PNG[after_header:]


def _jpeg_with(marker: int, content: bytes) -> bytes:
    segment = bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content
    return JPEG[:2] + segment + JPEG[2:]


@pytest.mark.parametrize(
    ("picture_format", "content"),
    [
        (PictureFormat.PNG, JPEG),
        (PictureFormat.JPEG, PNG),
        (PictureFormat.PNG, b""),
        (PictureFormat.JPEG, b""),
        (PictureFormat.PNG, PNG + b"x"),
        (PictureFormat.JPEG, JPEG + b"x"),
        (PictureFormat.JPEG, JPEG + JPEG),
        (PictureFormat.PNG, PNG[:-1]),
        (PictureFormat.JPEG, JPEG[:-1]),
        (PictureFormat.PNG, PNG + PNG),
        (PictureFormat.PNG, _png_with(b"eXIf", b"II*\x00")),
        (PictureFormat.PNG, _png_with(b"tEXt", b"Comment\x00somebody")),
        (PictureFormat.JPEG, _jpeg_with(0xE1, b"Exif\x00\x00II*\x00")),
        (PictureFormat.JPEG, _jpeg_with(0xFE, b"somebody")),
        (PictureFormat.JPEG, _jpeg_with(0xE0, b"JFXX\x00\x10" + JPEG)),
        (PictureFormat.PNG, NOISE.tobytes()),
    ],
)
def test_only_a_bare_picture_may_leave(picture_format: PictureFormat, content: bytes) -> None:
    with pytest.raises(ValidationError):
        EncodedPicture(picture_format, content, 0)


@given(st.sampled_from([PNG, JPEG]), st.data())
def test_a_damaged_picture_is_refused_or_decoded_but_never_crashes(
    content: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:at] + data.draw(st.binary(max_size=4)) + content[at + 1 :]
    for picture_format in PictureFormat:
        try:
            EncodedPicture(picture_format, damaged, 0)
        except ValidationError:
            continue
