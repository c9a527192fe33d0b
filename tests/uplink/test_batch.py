"""What the times of a message are worth, in each state of the clock."""

from __future__ import annotations

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.outbox import Handle, StoredBlock
from edge_gateway.reading import Lane, Stamp
from edge_gateway.uplink.batch import Dates, Dating, date


class SetClock:
    """Stands at 100 s of boot `now`; dates that boot by an offset of 1,785,733,200 s."""

    def __init__(self, state: ClockState, dated: tuple[str, ...] = ("now",)) -> None:
        self._state = state
        self._dated = dated

    def now(self) -> Stamp:
        return Stamp("now", 100 * 10**9)

    def wall(self, stamp: Stamp) -> WallTime | None:
        if stamp.boot_id not in self._dated:
            return None
        return WallTime(stamp.monotonic_ns + 1_785_733_200 * 10**9, self._state, 1.0)

    def sleep(self, seconds: float) -> None:
        del seconds


def block(boot_id: str) -> StoredBlock:
    return StoredBlock(Handle("s", 1), "s/1", Lane.RAW, boot_id, 90_000_000, 95_000_000, 1, b"")


@pytest.mark.parametrize("state", [ClockState.SYNCED, ClockState.HOLDOVER])
def test_a_set_clock_gives_dates(state: ClockState) -> None:
    expected = Dates(Dating(state.value), 1_785_733_200_000_000)
    assert date(block("now"), SetClock(state)) == expected


def test_an_unset_clock_gives_times_before_now() -> None:
    dates = date(block("now"), SetClock(ClockState.UNSET))
    assert dates == Dates(Dating.UNSET, -100_000_000)


def test_an_earlier_boot_that_was_never_dated_gives_no_time() -> None:
    assert date(block("earlier"), SetClock(ClockState.SYNCED)) == Dates(Dating.UNKNOWN, None)


def test_an_earlier_boot_is_not_dated_by_an_unset_clock() -> None:
    clock = SetClock(ClockState.UNSET, dated=("now", "earlier"))
    assert date(block("earlier"), clock) == Dates(Dating.UNKNOWN, None)
