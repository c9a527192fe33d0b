"""Modbus registers as numbers: 16 bits each, signed by two's complement where the manual says."""

from __future__ import annotations

from collections.abc import Sequence

from edge_gateway.links.errors import BadFrame


def checked(registers: Sequence[int], count: int) -> Sequence[int]:
    """The registers; BadFrame unless there are as many as were asked for."""
    if len(registers) != count:
        raise BadFrame(f"{len(registers)} registers came where {count} were asked for")
    return registers


def signed(*registers: int) -> int:
    """The signed number in one register or more, the most significant first."""
    return int.from_bytes(b"".join(word.to_bytes(2) for word in registers), signed=True)
