"""The bus above a scripted kernel: what each errno means, and when it is opened again."""

from __future__ import annotations

import contextlib
import errno
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smbus2 import i2c_msg

from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.links.i2c import I2cBus, alike


class Kernel:
    """Opens buses and answers 0xA0, 0xA1, ... to reads, unless an errno is due."""

    def __init__(self, *, at_open: int = 0, at_transfer: int = 0) -> None:
        self.at_open, self.at_transfer = at_open, at_transfer
        self.opened, self.closed, self.transactions = 0, 0, 0
        self.written: list[tuple[int, bytes]] = []

    def open(self, number: int) -> Kernel:
        if self.at_open:
            raise OSError(self.at_open, "from the kernel", f"/dev/i2c-{number}")
        self.opened += 1
        return self

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        self.transactions += 1
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


def test_a_question_is_one_transaction() -> None:
    kernel = Kernel()
    assert I2cBus(1, open_bus=kernel.open).write_read(0x76, b"\xd0", 2) == b"\xa0\xa1"
    assert kernel.written == [(0x76, b"\xd0")]
    assert kernel.transactions == 1


class Machine:
    """A bus above a kernel that is told what to answer, on a time of its own."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.now_s = 5.0
        self.recoveries = 0
        self.recovery_fails = False
        self.bus = I2cBus(
            1, open_bus=self.kernel.open, recover=self.recover, monotonic_s=lambda: self.now_s
        )

    def recover(self) -> None:
        self.recoveries += 1
        if self.recovery_fails:
            raise OSError(errno.EIO, "no supply switch")

    def fail(self, address: int = 0x44) -> str:
        with pytest.raises(LinkGone) as caught:
            self.bus.read(address, 1)
        return str(caught.value)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.kernel.at_transfer = errno.ETIMEDOUT
    return machine


def test_one_held_transaction_is_not_yet_a_stuck_bus(machine: Machine) -> None:
    machine.fail()
    machine.kernel.at_transfer = 0
    assert machine.bus.read(0x45, 1)
    assert machine.recoveries == 0


def test_a_stuck_bus_is_freed_once_for_all_its_devices(machine: Machine) -> None:
    for address in range(0x40, 0x4C):
        machine.fail(address)
    assert machine.recoveries == 1
    # two that were held, and the one that was tried behind the recovery
    assert machine.kernel.transactions == 3


def test_a_stuck_bus_says_that_all_wait(machine: Machine) -> None:
    for _ in range(3):
        machine.fail()
    assert machine.fail() == (
        "bus stuck at /dev/i2c-1: all its devices wait; freed again in 1 s at the earliest"
    )


def test_the_waits_between_recoveries_double_up_to_a_minute(machine: Machine) -> None:
    at_s: list[float] = []
    for _ in range(3000):
        before = machine.recoveries
        machine.fail()
        if machine.recoveries > before:
            at_s.append(machine.now_s)
        machine.now_s += 0.1
    waits_s = [round(later - sooner) for sooner, later in pairwise(at_s)]
    assert waits_s == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_recovery_all_devices_work_without_a_restart(machine: Machine) -> None:
    for address in (0x44, 0x48, 0x76):
        machine.fail(address)
    machine.kernel.at_transfer = 0
    machine.now_s += 1.0
    for address in (0x44, 0x48, 0x76):
        assert machine.bus.read(address, 1) == b"\xa0"


def test_nobody_acknowledging_shows_that_the_bus_is_free(machine: Machine) -> None:
    for _ in range(3):
        machine.fail()
    machine.kernel.at_transfer = errno.EREMOTEIO
    machine.now_s += 1.0
    for _ in range(5):
        with pytest.raises(DeviceSilent):
            machine.bus.read(0x44, 1)
    assert machine.recoveries == 2


def test_a_flapping_bus_is_not_freed_more_often_for_working_in_between(machine: Machine) -> None:
    for _ in range(200):
        machine.kernel.at_transfer = errno.ETIMEDOUT
        for _ in range(3):
            machine.fail()
        machine.kernel.at_transfer = 0
        machine.now_s += 0.1
        with contextlib.suppress(LinkGone):
            machine.bus.read(0x44, 1)
    # 20 s: at 0, 1, 3, 7, 15 s
    assert machine.recoveries == 5


def test_a_bus_that_was_well_for_long_is_freed_quickly_again(machine: Machine) -> None:
    for _ in range(300):
        machine.fail()
        machine.now_s += 0.1
    machine.kernel.at_transfer = 0
    machine.now_s += 100.0
    assert machine.bus.read(0x44, 1)
    machine.kernel.at_transfer = errno.ETIMEDOUT
    machine.now_s += 100.0
    before = machine.recoveries
    for _ in range(3):
        machine.fail()
    machine.now_s += 1.0
    machine.fail()
    assert machine.recoveries == before + 2


def test_a_recovery_that_fails_says_so(machine: Machine) -> None:
    machine.recovery_fails = True
    machine.fail()
    machine.fail()
    assert machine.fail() == "/dev/i2c-1 cannot be freed: EIO, no supply switch"


def test_many_threads_free_a_stuck_bus_once(machine: Machine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(machine.fail, [0x40 + n % 8 for n in range(64)]))
    assert machine.recoveries == 1
    assert machine.kernel.transactions == 3


# 0 works, 1 nobody acknowledges, 2 held; and the tenths of a second until the next call
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(0, 30)), max_size=60))
def test_any_run_of_faults_ends_well_once_the_bus_is_free(turns: list[tuple[int, int]]) -> None:
    machine = Machine()
    for fault, tenths in turns:
        machine.kernel.at_transfer = (0, errno.ENXIO, errno.EIO)[fault]
        with contextlib.suppress(DeviceError):
            machine.bus.read(0x44, 1)
        machine.now_s += tenths / 10
    machine.kernel.at_transfer = 0
    machine.now_s += 60.0
    assert machine.bus.read(0x44, 1) == b"\xa0"
    assert machine.recoveries <= machine.kernel.transactions


def test_alike_takes_what_two_readings_agree_on() -> None:
    assert alike(lambda: b"\x12") == b"\x12"


def test_alike_tells_readings_that_differ() -> None:
    readings = iter((b"\x12", b"\x13"))
    with pytest.raises(BadFrame, match="differ: 12, 13"):
        alike(lambda: next(readings))


def test_alike_may_try_again() -> None:
    readings = iter((b"\x12", b"\x13", b"\x13"))
    assert alike(lambda: next(readings), tries=3) == b"\x13"
