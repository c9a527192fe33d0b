"""An I2C bus of Linux as raw transactions: smbus2's `i2c_rdwr` on /dev/i2c-N."""

from __future__ import annotations

import errno
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from smbus2 import SMBus, i2c_msg

from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured


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
_STUCK = frozenset({errno.ETIMEDOUT, errno.EIO, errno.EBUSY, errno.EAGAIN})


class I2cBus:
    """Owner of bus `number`: opened at the first call, and again at the first after a LinkGone.

    Its devices share it, one transaction at a time. After `close` every call raises LinkGone.
    """

    def __init__(self, number: int, *, open_bus: Callable[[int], Transactions] = SMBus) -> None:
        self._number = number
        self._open_bus = open_bus
        self._bus: Transactions | None = None
        self._closed = False
        self._lock = Lock()

    def write(self, address: int, data: bytes) -> None:
        """Write `data` to the 7-bit `address` in one transaction."""
        self._carry_out(i2c_msg.write(address, data))

    def read(self, address: int, count: int) -> bytes:
        """Read exactly `count` bytes from the 7-bit `address` in one transaction."""
        message = i2c_msg.read(address, count)
        self._carry_out(message)
        return bytes(message)

    def close(self) -> None:
        """Give the bus back for good."""
        with self._lock:
            self._closed = True
            self._let_go()

    def _carry_out(self, message: i2c_msg) -> None:
        with self._lock:
            if self._bus is None:
                self._bus = self._opened()
            try:
                self._bus.i2c_rdwr(message)
            except OSError as error:
                fault = self._fault(error, message.addr)
                if isinstance(fault, LinkGone):
                    self._let_go()
                raise fault from error

    def _opened(self) -> Transactions:
        if self._closed:
            raise LinkGone(f"{self._path} was closed")
        try:
            return self._open_bus(self._number)
        except OSError as error:
            raise self._opening_fault(error) from error

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
        if error.errno in _STUCK:
            return LinkGone(
                f"bus stuck at {self._path} ({_named(error)}): a device may hold SDA or SCL low; "
                "cut the power of its sensors to free it"
            )
        if error.errno == errno.EOPNOTSUPP:
            return Misconfigured(
                f"{self._path} cannot carry out plain I2C transactions: use another adapter"
            )
        return LinkGone(f"{self._path} failed at {at}: {_named(error)}")


def _named(error: OSError) -> str:
    return f"{errno.errorcode.get(error.errno or 0, 'no errno')}, {error.strerror}"
