"""The clocks: boot id, offset with its tolerance, and what the wall time is worth."""

from __future__ import annotations

import ctypes
import math
import time
from pathlib import Path

import pytest

from edge_gateway import clock as clock_module
from edge_gateway.clock import (
    OFFSET_TOLERANCE_NS,
    ClockState,
    Discipline,
    SystemClock,
    kernel_discipline,
)
from edge_gateway.reading import Stamp

UNSET = Discipline(ClockState.UNSET, math.inf)
SYNCED = Discipline(ClockState.SYNCED, 0.25)
# timex.h: what ntp_gettime returns while nobody disciplines the clock.
TIME_ERROR = 5


class Machine:
    """The clocks of a machine, moved by hand."""

    def __init__(self) -> None:
        self.monotonic = 100_000_000_000
        self.wall = 1_785_733_200_000_000_000
        self.kernel = UNSET

    def monotonic_ns(self) -> int:
        return self.monotonic

    def time_ns(self) -> int:
        return self.wall

    def discipline(self) -> Discipline:
        return self.kernel


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    fake = Machine()
    monkeypatch.setattr(clock_module, "time", fake)
    monkeypatch.setattr(clock_module, "kernel_discipline", fake.discipline)
    monkeypatch.setattr(clock_module, "HARDWARE_CLOCK", tmp_path / "rtc0")
    return fake


@pytest.fixture
def boot_id_file(tmp_path: Path) -> Path:
    file = tmp_path / "boot_id"
    file.write_text("9a6ba11c-0d74-4bd3-8a94-19dbbd43d1a7\n", encoding="ascii")
    return file


def dated(clock: SystemClock, stamp: Stamp) -> tuple[int, ClockState, float]:
    wall = clock.wall(stamp)
    assert wall is not None
    return wall.unix_ns, wall.state, wall.error_s


def test_a_stamp_bears_the_boot_it_counts_from(machine: Machine, boot_id_file: Path) -> None:
    stamp = SystemClock(boot_id_file=boot_id_file).now()
    assert stamp == Stamp("9a6ba11c0d744bd38a9419dbbd43d1a7", machine.monotonic)


def test_the_machine_has_a_boot_id_and_a_clock_that_does_not_run_back() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert first.boot_id == second.boot_id
    assert len(first.boot_id) == 32
    assert int(first.boot_id, 16) > 0
    assert second.monotonic_ns >= first.monotonic_ns


def test_a_stamp_is_dated_by_the_offset_between_the_clocks(
    machine: Machine, boot_id_file: Path
) -> None:
    clock = SystemClock(trusted=True, boot_id_file=boot_id_file)
    stamp = clock.now()
    machine.monotonic += 7_000_000_000
    machine.wall += 7_000_000_000
    assert dated(clock, stamp) == (1_785_733_200_000_000_000, ClockState.SYNCED, 1.0)


def test_a_stamp_of_another_boot_has_no_date(machine: Machine, boot_id_file: Path) -> None:
    clock = SystemClock(boot_id_file=boot_id_file)
    assert clock.wall(Stamp("another", machine.monotonic)) is None


def test_the_first_sync_dates_the_backlog_anew(machine: Machine, boot_id_file: Path) -> None:
    machine.wall = 1_000_000_000
    clock = SystemClock(trusted=True, boot_id_file=boot_id_file)
    stamp = clock.now()
    machine.wall = 1_785_733_200_000_000_000
    assert dated(clock, stamp)[0] == 1_785_733_200_000_000_000


@pytest.mark.parametrize("sign", [1, -1])
def test_slewing_below_the_tolerance_moves_no_date(
    machine: Machine, boot_id_file: Path, sign: int
) -> None:
    clock = SystemClock(trusted=True, boot_id_file=boot_id_file)
    before = dated(clock, clock.now())
    machine.wall += sign * OFFSET_TOLERANCE_NS
    assert dated(clock, clock.now()) == before


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_beyond_the_tolerance_moves_every_date(
    machine: Machine, boot_id_file: Path, sign: int
) -> None:
    clock = SystemClock(trusted=True, boot_id_file=boot_id_file)
    step = sign * (OFFSET_TOLERANCE_NS + 1)
    before = dated(clock, clock.now())[0]
    machine.wall += step
    assert dated(clock, clock.now())[0] - before == step


def test_a_clock_that_nobody_set_is_unset(machine: Machine, boot_id_file: Path) -> None:
    clock = SystemClock(boot_id_file=boot_id_file)
    assert dated(clock, clock.now()) == (machine.wall, ClockState.UNSET, math.inf)


def test_a_disciplined_clock_is_synced_within_the_bound_of_the_kernel(
    machine: Machine, boot_id_file: Path
) -> None:
    machine.kernel = SYNCED
    clock = SystemClock(boot_id_file=boot_id_file)
    assert dated(clock, clock.now()) == (machine.wall, ClockState.SYNCED, 0.25)


def test_a_clock_that_was_disciplined_and_lost_it_is_in_holdover(
    machine: Machine, boot_id_file: Path
) -> None:
    machine.kernel = SYNCED
    clock = SystemClock(boot_id_file=boot_id_file)
    clock.wall(clock.now())
    machine.kernel = UNSET
    assert dated(clock, clock.now())[1] is ClockState.HOLDOVER


def test_a_hardware_clock_is_as_good_as_holdover(
    machine: Machine, boot_id_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "rtc0").touch()
    clock = SystemClock(boot_id_file=boot_id_file)
    assert dated(clock, clock.now()) == (machine.wall, ClockState.HOLDOVER, math.inf)


class NtpTime(ctypes.Structure):
    """struct ntptimeval of sys/timex.h, up to what is read here."""

    _fields_ = (
        ("seconds", ctypes.c_long),
        ("microseconds", ctypes.c_long),
        ("max_error_us", ctypes.c_long),
        ("estimated_error_us", ctypes.c_long),
        ("tai", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    )


def test_the_kernel_says_the_same_through_its_other_door() -> None:
    # ntp_gettime has its own structure: a wrong offset into struct timex would show here.
    answer = NtpTime()
    state = ctypes.CDLL(None).ntp_gettime(ctypes.byref(answer))
    if state < 0:
        pytest.skip("this machine does not let its clock be asked")
    found = kernel_discipline()
    if state == TIME_ERROR:
        assert found == UNSET
    else:
        assert found.state is ClockState.SYNCED
        assert found.error_s == pytest.approx(answer.max_error_us / 1e6, abs=0.01)


def test_the_kernels_error_bound_stands_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Libc:
        """Fills struct timex (64-bit) as adjtimex(2) lays it out."""

        def __init__(self, *_: object, **__: object) -> None:
            pass

        def adjtimex(self, buffer: ctypes.Array[ctypes.c_char]) -> int:
            fields = (ctypes.c_long * 6).from_buffer(buffer)
            # modes, offset, freq, maxerror, esterror, status
            fields[:] = [0, 11, 22, 1_500, 44, 0x0001]
            return 0

    monkeypatch.setattr(ctypes, "CDLL", Libc)
    assert kernel_discipline() == Discipline(ClockState.SYNCED, 0.0015)


def test_a_machine_that_may_not_be_asked_has_an_unset_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Libc:
        def __init__(self, *_: object, **__: object) -> None:
            pass

        def adjtimex(self, _: object) -> int:
            return -1

    monkeypatch.setattr(ctypes, "CDLL", Libc)
    assert kernel_discipline() == UNSET


def test_sleep_waits_on_the_machine() -> None:
    began = time.monotonic()
    SystemClock().sleep(0.002)
    assert time.monotonic() - began >= 0.002
