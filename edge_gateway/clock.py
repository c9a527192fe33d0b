"""Monotonic and wall clock: every reading is stamped by the first, dated by the second.

A Pi has no clock battery. A wall time is therefore always given with what it is worth:
`synced` (disciplined now), `holdover` (was disciplined, or set by a clock that keeps time while
off) or `unset` (nothing has set it since power came).
"""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from edge_gateway.reading import Stamp

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
HARDWARE_CLOCK = Path("/dev/rtc0")

# linux/timex.h: the kernel's own word on whether somebody disciplines the clock.
_STA_UNSYNC = 0x0040
_TIMEX_STATUS_OFFSET = 40
_TIMEX_MAXERROR_OFFSET = 24
_TIMEX_BYTES = 208

# Slewing moves the wall clock by microseconds; below this the learnt offset is kept as it is, so
# that two readings of one window are never torn apart by it.
OFFSET_TOLERANCE_NS = 100_000_000


class ClockState(StrEnum):
    """What a wall time is worth."""

    SYNCED = "synced"
    HOLDOVER = "holdover"
    UNSET = "unset"


@dataclass(frozen=True, slots=True)
class WallTime:
    """A date in nanoseconds since 1970 UTC, what it is worth, and its error bound in seconds."""

    unix_ns: int
    state: ClockState
    error_s: float


@dataclass(frozen=True, slots=True)
class Discipline:
    """What the machine says of its wall clock: its state and the bound of its error in seconds."""

    state: ClockState
    error_s: float


class Clock(Protocol):
    """What stations may ask of time. Passed in, so that tests bring their own."""

    def now(self) -> Stamp:
        """The present, on the monotonic clock of this boot."""
        ...

    def wall(self, stamp: Stamp) -> WallTime | None:
        """Date a stamp; None for a stamp of a boot whose offset was never learnt."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; for the milliseconds a sensor needs, never for pacing."""
        ...


class SystemClock:
    """The machine's clocks. `trusted` says the wall clock is right without asking the kernel."""

    def __init__(self, *, trusted: bool = False, boot_id_file: Path = BOOT_ID_FILE) -> None:
        self._boot_id = boot_id_file.read_text(encoding="ascii").strip().replace("-", "")
        self._trusted = trusted
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self._was_synced = False

    def now(self) -> Stamp:
        """The present, on the monotonic clock of this boot."""
        return Stamp(self._boot_id, time.monotonic_ns())

    def wall(self, stamp: Stamp) -> WallTime | None:
        """Date a stamp of this boot with the offset as it is now; None for any other boot."""
        if stamp.boot_id != self._boot_id:
            return None
        offset_ns = time.time_ns() - time.monotonic_ns()
        if abs(offset_ns - self._offset_ns) > OFFSET_TOLERANCE_NS:
            self._offset_ns = offset_ns
        discipline = self._discipline()
        return WallTime(stamp.monotonic_ns + self._offset_ns, discipline.state, discipline.error_s)

    def sleep(self, seconds: float) -> None:
        """Wait on the machine's clock."""
        time.sleep(seconds)

    def _discipline(self) -> Discipline:
        if self._trusted:
            return Discipline(ClockState.SYNCED, 1.0)
        kernel = kernel_discipline()
        if kernel.state is ClockState.SYNCED:
            self._was_synced = True
        elif self._was_synced or HARDWARE_CLOCK.exists():
            return Discipline(ClockState.HOLDOVER, kernel.error_s)
        return kernel


def kernel_discipline() -> Discipline:
    """Ask the kernel whether its wall clock is disciplined: adjtimex(2), reading only."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)
    if libc.adjtimex(buffer) < 0:
        return Discipline(ClockState.UNSET, float("inf"))
    status = ctypes.c_int.from_buffer(buffer, _TIMEX_STATUS_OFFSET).value
    error_us = ctypes.c_long.from_buffer(buffer, _TIMEX_MAXERROR_OFFSET).value
    if status & _STA_UNSYNC:
        return Discipline(ClockState.UNSET, float("inf"))
    return Discipline(ClockState.SYNCED, error_us / 1e6)
