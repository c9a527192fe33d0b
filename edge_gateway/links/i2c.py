"""An I2C bus of Linux as raw transactions: smbus2's `i2c_rdwr` on /dev/i2c-N.

Raw transactions are the one path that serves every chip: SMBus block calls end at 32 bytes, send a
register before each read (Sensirion's chips have none), and some adapters turn the repeated start
of a combined transaction into a stop. An adapter that knows SMBus alone is Misconfigured.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from smbus2 import SMBus, i2c_msg

from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.links.frames import shown

RECOVERY_FIRST_S = 1.0
RECOVERY_LONGEST_S = 60.0
# One held transaction may be a single chip that stretches the clock too long, not the bus.
HELD_BEFORE_STUCK = 2


class Transactions(Protocol):
    """What is used of smbus2's `SMBus`; a simulated bus answers to the same."""

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Carry out one combined transaction; OSError as the kernel gives it."""
        ...

    def close(self) -> None:
        """Give the bus back."""
        ...


# i2c-bcm2835 answers EREMOTEIO when nothing acknowledges, other adapters ENXIO
# (kernel Documentation/i2c/fault-codes.rst).
_NOT_ACKNOWLEDGED = frozenset({errno.EREMOTEIO, errno.ENXIO})
_HELD = frozenset({errno.ETIMEDOUT, errno.EIO, errno.EBUSY, errno.EAGAIN})


class I2cBus:
    """Owner of bus `number`: opened at the first call, and again at the first after a LinkGone.

    Its devices share it, one transaction at a time. After `close` every call raises LinkGone.

    A line held low fails every address, so a stuck bus is freed for all its devices at once and
    not by each: `recover`, where given (cutting the sensors' power, for example; it may raise
    OSError), is called once, the bus is opened anew and one transaction tried. If that is held
    too, all calls raise LinkGone without touching the bus until 1, 2, 4 ... 60 s have passed.
    Any answer, and be it that nobody acknowledges, shows that the bus is free.
    """

    def __init__(
        self,
        number: int,
        *,
        open_bus: Callable[[int], Transactions] = SMBus,
        recover: Callable[[], None] | None = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._number = number
        self._open_bus = open_bus
        self._recover = recover
        self._monotonic_s = monotonic_s
        self._bus: Transactions | None = None
        self._closed = False
        self._held_in_a_row = 0
        self._next_recovery_s = -RECOVERY_LONGEST_S
        self._recovery_wait_s = RECOVERY_FIRST_S
        self._lock = Lock()

    def write(self, address: int, data: bytes) -> None:
        """Write `data` to the 7-bit `address` in one transaction."""
        self._carry_out(i2c_msg.write(address, data))

    def read(self, address: int, count: int) -> bytes:
        """Read exactly `count` bytes from the 7-bit `address` in one transaction."""
        message = i2c_msg.read(address, count)
        self._carry_out(message)
        return bytes(message)

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """Write `data`, then read `count` bytes behind a repeated start, in one transaction."""
        answer = i2c_msg.read(address, count)
        self._carry_out(i2c_msg.write(address, data), answer)
        return bytes(answer)

    def close(self) -> None:
        """Give the bus back for good."""
        with self._lock:
            self._closed = True
            self._let_go()

    def _carry_out(self, *messages: i2c_msg) -> None:
        with self._lock:
            if self._bus is None:
                self._bus = self._opened()
            try:
                self._bus.i2c_rdwr(*messages)
            except OSError as error:
                self._held_in_a_row = self._held_in_a_row + 1 if error.errno in _HELD else 0
                fault = self._fault(error, messages[0].addr)
                if isinstance(fault, LinkGone):
                    self._let_go()
                raise fault from error
            self._held_in_a_row = 0

    def _opened(self) -> Transactions:
        if self._closed:
            raise LinkGone(f"{self._path} was closed")
        if self._held_in_a_row >= HELD_BEFORE_STUCK:
            self._free()
        try:
            return self._open_bus(self._number)
        except OSError as error:
            raise self._opening_fault(error) from error

    def _free(self) -> None:
        """Make the one attempt of this back-off period; LinkGone while the next is not due."""
        now_s = self._monotonic_s()
        if now_s < self._next_recovery_s:
            raise LinkGone(
                f"bus stuck at {self._path}: all its devices wait; freed again in "
                f"{self._next_recovery_s - now_s:.0f} s at the earliest"
            )
        if now_s - self._next_recovery_s >= RECOVERY_LONGEST_S:
            self._recovery_wait_s = RECOVERY_FIRST_S  # it was well for long: a new fault
        self._next_recovery_s = now_s + self._recovery_wait_s
        self._recovery_wait_s = min(2 * self._recovery_wait_s, RECOVERY_LONGEST_S)
        if self._recover is not None:
            try:
                self._recover()
            except OSError as error:
                raise LinkGone(f"{self._path} cannot be freed: {_named(error)}") from error

    def _let_go(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.close()

    @property
    def _path(self) -> str:
        return f"/dev/i2c-{self._number}"

    def _opening_fault(self, error: OSError) -> DeviceError:
        if error.errno in {errno.EACCES, errno.EPERM}:
            return Misconfigured(
                f"no permission to open {self._path}: add the user to the group i2c and log in anew"
            )
        if error.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
            return LinkGone(
                f"{self._path} does not exist: switch I2C on (dtparam=i2c_arm=on in config.txt, "
                f"modprobe i2c-dev) or plug the adapter in; `ls /dev/i2c-*` shows what is there"
            )
        return LinkGone(f"{self._path} cannot be opened: {_named(error)}")

    def _fault(self, error: OSError, address: int) -> DeviceError:
        at = f"address 0x{address:02x} on {self._path}"
        if error.errno in _NOT_ACKNOWLEDGED:
            return DeviceSilent(f"nothing acknowledges at {at}")
        if error.errno in _HELD:
            return LinkGone(
                f"bus stuck at {self._path} ({_named(error)}): a device may hold SDA or SCL low; "
                "cut the power of its sensors to free it"
            )
        if error.errno == errno.EOPNOTSUPP:
            return Misconfigured(
                f"{self._path} cannot carry out plain I2C transactions: use another adapter"
            )
        return LinkGone(f"{self._path} failed at {at}: {_named(error)}")


def alike(read: Callable[[], bytes], *, tries: int = 2) -> bytes:
    """What two readings in a row agree on; BadFrame when none of `tries` equals the one before.

    For chips that send no checksum: a bit lost on the way is never lost twice in one place.
    """
    readings = [read()]
    while len(readings) < tries:
        readings.append(read())
        if readings[-1] == readings[-2]:
            return readings[-1]
    raise BadFrame(f"readings in a row differ: {', '.join(shown(data) for data in readings)}")


def _named(error: OSError) -> str:
    return f"{errno.errorcode.get(error.errno or 0, 'no errno')}, {error.strerror}"
