"""What a PNG or JPEG may be made of to leave the counter: the picture and nothing beside it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# W3C PNG (third edition) section 11.2: the critical chunks. Ancillary ones carry text, time, EXIF.
_PNG_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_PNG_HEADER_BYTES: Final = 13
_PNG_CHUNK_OVERHEAD: Final = 12

# ITU-T T.81 table B.1: quantisation and Huffman tables, restart interval, the baseline and
# progressive frames, and the JFIF header; no other application segment, no comment.
_JPEG_SEGMENTS: Final = frozenset({0xDB, 0xC4, 0xDD, 0xC0, 0xC1, 0xC2, 0xE0})
_JPEG_SCAN: Final = 0xDA
_JPEG_START: Final = b"\xff\xd8"
_JPEG_END: Final = b"\xff\xd9"
_JFIF: Final = b"JFIF\x00"
_JFIF_BYTES: Final = 16
# In a scan 0xFF is followed by a stuffed zero or a restart marker, until the end.
_JPEG_MARKER_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)


class PictureFormat(StrEnum):
    """How a picture is encoded."""

    PNG = "png"
    JPEG = "jpeg"


def check_picture(picture_format: PictureFormat, content: bytes) -> None:
    """Raise ValueError unless `content` is one such picture without metadata or trailing bytes."""
    match picture_format:
        case PictureFormat.PNG:
            _check_png(content)
        case PictureFormat.JPEG:
            _check_jpeg(content)


def _check_png(content: bytes) -> None:
    if not content.startswith(PNG_SIGNATURE):
        raise ValueError("the picture has no PNG signature")
    position = len(PNG_SIGNATURE)
    kind = b""
    while position < len(content):
        if kind == b"IEND":
            raise ValueError("bytes follow the end of the PNG")
        length = int.from_bytes(content[position : position + 4], "big")
        first = kind == b""
        kind = content[position + 4 : position + 8]
        if kind not in _PNG_CHUNKS:
            raise ValueError(f"the PNG holds a chunk of type {kind!r}")
        if first != (kind == b"IHDR") or (first and length != _PNG_HEADER_BYTES):
            raise ValueError("the PNG does not begin with one header")
        if kind == b"IEND" and length:
            raise ValueError("the end of the PNG holds bytes")
        position += _PNG_CHUNK_OVERHEAD + length
    if kind != b"IEND" or position != len(content):
        raise ValueError("the PNG is cut off")


def _check_jpeg(content: bytes) -> None:
    if not content.startswith(_JPEG_START):
        raise ValueError("the picture has no JPEG signature")
    position = len(_JPEG_START)
    while True:
        marker = content[position : position + 2]
        length = int.from_bytes(content[position + 2 : position + 4], "big")
        segment = content[position + 4 : position + 2 + length]
        if len(marker) != len(_JPEG_START) or marker[0] != _JPEG_START[0] or length <= len(marker):
            raise ValueError("the JPEG is cut off or holds bytes between its segments")
        position += 2 + length
        if marker[1] == _JPEG_SCAN:
            break
        if marker[1] not in _JPEG_SEGMENTS:
            raise ValueError(f"the JPEG holds a segment of type {marker.hex()}")
        if marker[1] == 0xE0 and (length != _JFIF_BYTES or not segment.startswith(_JFIF)):  # noqa: PLR2004 - APP0
            raise ValueError("the JPEG's application segment is not a bare JFIF header")
    end = _JPEG_MARKER_IN_SCAN.search(content, position)
    # A progressive picture has tables and scans in between; the encoder writes baseline ones.
    if end is None or end.group() != _JPEG_END or end.end() != len(content):
        raise ValueError("the JPEG does not end where its scan ends")
