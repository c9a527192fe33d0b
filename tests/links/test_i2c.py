"""The bus above a scripted kernel: what each errno means, and when it is opened again."""

from __future__ import annotations

import errno

import pytest
from smbus2 import i2c_msg

from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured
from edge_gateway.links.i2c import I2cBus


class Kernel:
    """Opens buses and answers 0xA0, 0xA1, ... to reads, unless an errno is due."""

    def __init__(self, *, at_open: int = 0, at_transfer: int = 0) -> None:
        self.at_open, self.at_transfer = at_open, at_transfer
        self.opened, self.closed = 0, 0
        self.written: list[tuple[int, bytes]] = []

    def open(self, number: int) -> Kernel:
        if self.at_open:
            raise OSError(self.at_open, "from the kernel", f"/dev/i2c-{number}")
        self.opened += 1
        return self

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        if self.at_transfer:
            raise OSError(self.at_transfer, "from the kernel")
        for message in i2c_msgs:
            if not message.flags:
                self.written.append((message.addr, bytes(message)))
                continue
            for at in range(message.len):
                message.buf[at] = bytes((0xA0 + at,))

    def close(self) -> None:
        self.closed += 1


def test_a_write_reaches_the_address_as_it_is() -> None:
    kernel = Kernel()
    I2cBus(1, open_bus=kernel.open).write(0x44, b"\x24\x00")
    assert kernel.written == [(0x44, b"\x24\x00")]


def test_a_read_brings_as_many_bytes_as_asked_for() -> None:
    assert I2cBus(1, open_bus=Kernel().open).read(0x44, 3) == b"\xa0\xa1\xa2"


def test_a_bus_is_opened_at_its_first_use_and_kept() -> None:
    kernel = Kernel()
    bus = I2cBus(1, open_bus=kernel.open)
    assert kernel.opened == 0
    bus.read(0x44, 1)
    bus.read(0x45, 1)
    assert kernel.opened == 1


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.EREMOTEIO, DeviceSilent),
        (errno.ENXIO, DeviceSilent),
        (errno.ETIMEDOUT, LinkGone),
        (errno.EIO, LinkGone),
        (errno.ENODEV, LinkGone),
        (errno.EBADF, LinkGone),
        (errno.EOPNOTSUPP, Misconfigured),
    ],
)
def test_an_errno_of_a_transaction_is_one_of_the_four(code: int, error: type[DeviceError]) -> None:
    with pytest.raises(error):
        I2cBus(1, open_bus=Kernel(at_transfer=code).open).read(0x44, 6)


@pytest.mark.parametrize(
    ("code", "error", "advice"),
    [
        (errno.ENOENT, LinkGone, "dtparam=i2c_arm=on"),
        (errno.EACCES, Misconfigured, "group i2c"),
        (errno.EMFILE, LinkGone, "EMFILE"),
    ],
)
def test_a_bus_that_does_not_open_says_what_to_do(
    code: int, error: type[DeviceError], advice: str
) -> None:
    with pytest.raises(error, match=advice):
        I2cBus(3, open_bus=Kernel(at_open=code).open).read(0x44, 6)


def test_a_stuck_bus_says_so() -> None:
    with pytest.raises(LinkGone, match=r"bus stuck at /dev/i2c-1 \(ETIMEDOUT"):
        I2cBus(1, open_bus=Kernel(at_transfer=errno.ETIMEDOUT).open).read(0x44, 6)


def test_a_silent_device_does_not_cost_the_bus() -> None:
    kernel = Kernel(at_transfer=errno.EREMOTEIO)
    bus = I2cBus(1, open_bus=kernel.open)
    with pytest.raises(DeviceSilent, match="0x44"):
        bus.read(0x44, 6)
    assert kernel.closed == 0


def test_a_bus_is_opened_again_after_it_was_gone() -> None:
    kernel = Kernel(at_transfer=errno.EIO)
    bus = I2cBus(1, open_bus=kernel.open)
    with pytest.raises(LinkGone):
        bus.read(0x44, 1)
    kernel.at_transfer = 0
    assert bus.read(0x44, 1) == b"\xa0"
    assert (kernel.opened, kernel.closed) == (2, 1)


def test_a_closed_bus_stays_closed() -> None:
    bus = I2cBus(1, open_bus=Kernel().open)
    bus.close()
    bus.close()
    with pytest.raises(LinkGone, match="was closed"):
        bus.read(0x44, 1)
