"""A simulated I2C bus below the real link, and what all simulated chips with registers share."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from random import Random
from threading import Lock
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

    def power_up(self) -> None:
        """Its supply returned: it begins anew, without its settings."""
        ...


class SimulatedI2cBus:
    """The chips on a bus by 7-bit address. Hand its `open` to the link in place of smbus2's SMBus.

    Fault `stuck`: a line is held low, and every address fails as under Linux, with ETIMEDOUT or
    EIO. Fault `nak`: nobody acknowledges. `hold` keeps a line low until `power_cycle`, as a chip
    that lost count of the clock does.
    """

    FAULTS: ClassVar[Sequence[str]] = ("stuck", "nak")

    def __init__(self, chips: Mapping[int, I2cChip], *, chance: Random | None = None) -> None:
        self._chips = dict(chips)
        self.faults = Faults(self.FAULTS, chance)
        self._plugged = True
        self._held = False
        self._lock = Lock()
        self.transactions = 0
        """How often the bus was touched."""

    def open(self, number: int) -> SimulatedI2cBus:
        """What opening /dev/i2c-`number` gives: this bus, or ENOENT while unplugged."""
        if not self._plugged:
            raise _kernel_error(errno.ENOENT, f"/dev/i2c-{number}")
        return self

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` transactions."""
        self.faults.order(kind, times)

    def hold(self) -> None:
        """Hold a line low until `power_cycle`."""
        self._held = True

    def power_cycle(self) -> None:
        """Switch the chips' supply off and on: lines free, settings lost."""
        with self._lock:
            self._held = False
            for chip in self._chips.values():
                chip.power_up()

    def unplug(self) -> None:
        """Take the adapter away."""
        self._plugged = False

    def plug(self) -> None:
        """Bring the adapter back."""
        self._plugged = True

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Carry the messages to their chips; OSError as the kernel's i2c-bcm2835 gives it."""
        with self._lock:
            self.transactions += 1
            if not self._plugged:
                raise _kernel_error(errno.ENODEV)
            if self._held or self.faults.take("stuck"):
                raise _kernel_error(self.faults.chance.choice((errno.ETIMEDOUT, errno.EIO)))
            if self.faults.take("nak"):
                raise no_acknowledge()
            for message in i2c_msgs:
                self._carry(message)

    def close(self) -> None:
        """As of an open file; the bus itself stays."""

    def _carry(self, message: i2c_msg) -> None:
        chip = self._chips.get(message.addr)
        if chip is None:
            raise no_acknowledge()
        if message.flags & _READ:
            for at, byte in enumerate(chip.read(message.len)):
                message.buf[at] = bytes((byte,))
        else:
            chip.write(bytes(message))


class RegisterChip(ABC):
    """A chip whose first written byte is the register that reads and further writes begin at.

    `silent` acknowledges nothing once; `reset` loses its supply for a moment before the next
    write, `reset_measuring` before the next answer; `half_frame` loses it in the middle of an
    answer, and the bus floats high from there; `noise` turns one bit of an answer over. Neither
    strikes the same place twice in a row.
    """

    FAULTS: ClassVar[Sequence[str]] = ("silent", "reset", "reset_measuring", "half_frame", "noise")

    def __init__(self, chance: Random | None = None) -> None:
        self.faults = Faults(self.FAULTS, chance)
        self._register = 0
        self._struck = -1
        self.power_up()

    @abstractmethod
    def power_up(self) -> None:
        """Begin anew: every register at the data sheet's reset value."""

    @abstractmethod
    def store(self, register: int, data: bytes) -> None:
        """The master wrote `data` from `register` on; none where it only named it."""

    @abstractmethod
    def fetch(self, register: int, count: int) -> bytes:
        """What `count` bytes from `register` on hold."""

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` the next `times` times."""
        self.faults.order(kind, times)

    def write(self, data: bytes) -> None:
        """Take register and data."""
        if self.faults.take("silent"):
            raise no_acknowledge()
        if self.faults.take("reset"):
            self.power_up()
        if data:
            self._register = data[0]
            self.store(data[0], data[1:])

    def read(self, count: int) -> bytes:
        """Give `count` bytes from the register named last."""
        if self.faults.take("reset_measuring"):
            self.power_up()
        answer = self.fetch(self._register, count)
        if self.faults.take("half_frame"):
            self.power_up()
            return answer[: self._place(count)].ljust(count, b"\xff")
        if self.faults.take("noise"):
            place, bit = divmod(self._place(8 * count), 8)
            return bytes(byte ^ (1 << bit if at == place else 0) for at, byte in enumerate(answer))
        return answer

    def _place(self, count: int) -> int:
        place = self.faults.chance.randrange(count)
        self._struck = place if place != self._struck else (place + 1) % count
        return self._struck


def no_acknowledge() -> OSError:
    """What Linux says when a chip does not acknowledge."""
    return _kernel_error(errno.EREMOTEIO)


def _kernel_error(code: int, *about: str) -> OSError:
    return OSError(code, os.strerror(code), *about)
