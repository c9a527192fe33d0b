"""Faults that every device has which talks in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_gateway.twins.faults import Faults

LINE_FAULTS: Sequence[str] = (
    "crc",
    "silent",
    "half_frame",
    "split_frame",
    "joined_frames",
    "noise",
)
NOISE = b"\x00\xff\x93\x31"


class SpoiltLines:
    """Turns each line into what goes on the wire, with the faults that were ordered."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._held = b""

    def talk(self, line: bytes, digit_at: int) -> Iterator[bytes]:
        """Yield the parts of one line; `crc` flips a bit of the byte at `digit_at`."""
        take = self._faults.take
        data, self._held = self._held + line, b""
        if take("silent"):
            return
        if take("noise"):
            yield NOISE
        if take("joined_frames"):
            self._held = data
        elif take("crc"):
            yield data[:digit_at] + bytes((data[digit_at] ^ 0x01,)) + data[digit_at + 1 :]
        elif take("half_frame"):
            yield data[: len(data) // 2]
        elif take("split_frame"):
            yield from (data[at : at + 1] for at in range(len(data)))
        else:
            yield data
