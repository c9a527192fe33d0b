"""The registers of an I2C chip, read and written for a driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

from pydantic import Field

from edge_gateway.links.contract import I2c
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.i2c import alike

Hex = Annotated[int, Field(json_schema_extra={"format": "hex"})]
"""A number that data sheets write, and the sample configuration prints, in hexadecimal."""


class Bits(NamedTuple):
    """Bits of a register of so many bytes, and how they stand once the chip is ready."""

    register: int
    length: int
    mask: int
    ready: int


class Registers:
    """The registers of one chip that sends no checksum.

    What it holds is read until two readings in a row agree, at most `tries` times.
    """

    def __init__(self, link: I2c, address: int, *, tries: int = 2) -> None:
        self._link = link
        self._address = address
        self._tries = tries

    def read(self, first: int, count: int) -> bytes:
        """`count` bytes from register `first` on; BadFrame where no two readings agree."""
        return alike(lambda: self.read_once(first, count), tries=self._tries)

    def read_once(self, first: int, count: int) -> bytes:
        """The same on trust: for a busy bit, which may change between two readings."""
        # A repeated start, for behind a stop some chips forget which register was named.
        return self._link.write_read(self._address, bytes((first,)), count)

    def wait_for(
        self, bits: Bits, sleep: Callable[[float], None], poll_s: float, polls: int
    ) -> None:
        """Look at most `polls` times, `poll_s` apart; BadFrame when it does not get ready."""
        for _ in range(polls):
            held = int.from_bytes(self.read_once(bits.register, bits.length))
            if held & bits.mask == bits.ready:
                return
            sleep(poll_s)
        raise BadFrame(f"the chip at 0x{self._address:02x} stays busy (bits 0x{bits.mask:02x})")

    def write(self, register: int, data: bytes) -> None:
        """Put `data` into the register."""
        self._link.write(self._address, bytes((register,)) + data)
