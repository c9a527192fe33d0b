"""What the fault shim wrote down: every operation on the store's files, with its bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from campaigns.stage import Line

_HEAD = struct.Struct("=4q")


class Kind(StrEnum):
    """What an operation does; `MARK` is what the scene said at that point."""

    WRITE = "write"
    SYNC = "sync"
    CREATE = "create"
    FOLDER = "mkdir"
    TRUNCATE = "truncate"
    RESERVE = "allocate"
    RENAME = "rename"
    UNLINK = "unlink"
    MARK = "mark"


_KINDS = dict(zip(b"WSCMTFRUA", Kind, strict=True))


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `offset` is where a write begins, or the new length of a file.

    `data` is what was written, or the new name.
    """

    kind: Kind
    path: str
    offset: int
    data: bytes

    @property
    def said(self) -> Line:
        """What a mark says."""
        line: Line = json.loads(self.data)
        return line

    def says(self, word: str) -> bool:
        """Whether it is a mark with this word."""
        return self.kind is Kind.MARK and self.said[0] == word


def read_log(path: Path) -> Iterator[Operation]:
    """The operations in the order they were made."""
    log = path.read_bytes()
    place = 0
    while place < len(log):
        kind, path_length, offset, length = _HEAD.unpack_from(log, place)
        place += _HEAD.size
        name = log[place : place + path_length].decode()
        place += path_length
        has_data = Kind.MARK, Kind.WRITE, Kind.RENAME
        data = log[place : place + length] if _KINDS[kind] in has_data else b""
        place += len(data)
        yield Operation(_KINDS[kind], name, offset, data)
