"""A simulated I2C bus below the real link: it answers to smbus2's `i2c_rdwr`."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from smbus2 import i2c_msg

from edge_gateway.twins.faults import Faults

_READ = 0x0001  # I2C_M_RD, linux/i2c.h


class I2cChip(Protocol):
    """A simulated chip; it raises `no_acknowledge()` where the real one would not answer."""

    def write(self, data: bytes) -> None:
        """The master wrote `data`."""
        ...

    def read(self, count: int) -> bytes:
        """The master reads `count` bytes."""
        ...


class SimulatedI2cBus:
    """The chips on a bus by 7-bit address. Hand its `open` to the link in place of smbus2's SMBus.

    Fault `stuck`: a line is held low, and every address times out as under Linux.
    """

    FAULTS: ClassVar[Sequence[str]] = ("stuck",)

    def __init__(self, chips: Mapping[int, I2cChip]) -> None:
        self._chips = dict(chips)
        self._faults = Faults(self.FAULTS)
        self._plugged = True

    def open(self, number: int) -> SimulatedI2cBus:
        """What opening /dev/i2c-`number` gives: this bus, or ENOENT while unplugged."""
        if not self._plugged:
            raise _kernel_error(errno.ENOENT, f"/dev/i2c-{number}")
        return self

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` transactions."""
        self._faults.order(kind, times)

    def unplug(self) -> None:
        """Take the adapter away."""
        self._plugged = False

    def plug(self) -> None:
        """Bring the adapter back."""
        self._plugged = True

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Carry the messages to their chips; OSError as the kernel's i2c-bcm2835 gives it."""
        if not self._plugged:
            raise _kernel_error(errno.ENODEV)
        if self._faults.take("stuck"):
            raise _kernel_error(errno.ETIMEDOUT)
        for message in i2c_msgs:
            chip = self._chips.get(message.addr)
            if chip is None:
                raise no_acknowledge()
            if message.flags & _READ:
                for at, byte in enumerate(chip.read(message.len)):
                    message.buf[at] = bytes((byte,))
            else:
                chip.write(bytes(message))

    def close(self) -> None:
        """As of an open file; the bus itself stays."""


def no_acknowledge() -> OSError:
    """What Linux says when a chip does not acknowledge."""
    return _kernel_error(errno.EREMOTEIO)


def _kernel_error(code: int, *about: str) -> OSError:
    return OSError(code, os.strerror(code), *about)
