"""A pseudo-terminal that takes as long as a wire: bytes arrive at the pace of the baud rate."""

from __future__ import annotations

import time

from edge_gateway.twins.pty_line import PtyLine

BITS_PER_CHARACTER = 11
# A UART rings after so many bytes, or when the line falls quiet (16550: trigger level 8).
BYTES_AT_ONCE = 8


class PacedLine(PtyLine):
    """What either end sends arrives in pieces, each when its last bit would have come.

    Who answers while another still talks puts bytes between those of the other: as on a real line,
    the frames of both are spoilt.
    """

    def __init__(self, baud: int) -> None:
        super().__init__()
        self._character_s = BITS_PER_CHARACTER / baud

    def read(self, timeout_s: float) -> bytes:
        """What the gateway sent, once it has come to its end."""
        heard = super().read(timeout_s)
        self._travel(heard)
        return heard

    def write(self, data: bytes) -> None:
        """Send to the gateway; returns when the last byte is there."""
        for at in range(0, len(data), BYTES_AT_ONCE):
            piece = data[at : at + BYTES_AT_ONCE]
            self._travel(piece)
            super().write(piece)

    def _travel(self, data: bytes) -> None:
        time.sleep(len(data) * self._character_s)
