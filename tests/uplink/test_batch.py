"""What the times of a message are worth, in each state of the clock."""

from __future__ import annotations

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.outbox import BootClock, Handle, StoredBlock
from edge_gateway.reading import Lane, Stamp
from edge_gateway.uplink.batch import Dates, Dating, Learnt, date


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


def test_an_earlier_boot_that_was_never_dated_gives_no_time_but_was_before_this_one() -> None:
    """This boot began at 1,785,733,200 s, give or take the second of the clock's error."""
    dates = date(block("earlier"), SetClock(ClockState.SYNCED))
    assert dates == Dates(Dating.UNKNOWN, None, before_us=1_785_733_201_000_000)


def test_an_earlier_boot_is_not_dated_by_an_unset_clock() -> None:
    clock = SetClock(ClockState.UNSET, dated=("now", "earlier"))
    assert date(block("earlier"), clock) == Dates(Dating.UNKNOWN, None)


def learnt(state: ClockState) -> Learnt:
    known = {
        boot_id: BootClock(boot_id, 1_700_000_000 * 10**9, 0.5, state)
        for boot_id in ("earlier", "now")
    }
    return known.get


@pytest.mark.parametrize("state", [ClockState.SYNCED, ClockState.HOLDOVER])
@pytest.mark.parametrize("present", list(ClockState))
def test_an_earlier_boot_is_dated_by_what_was_learnt_of_its_own_clock(
    state: ClockState, present: ClockState
) -> None:
    dates = date(block("earlier"), SetClock(present), learnt(state))
    assert dates == Dates(Dating(state.value), 1_700_000_000_000_000)


def test_this_boots_own_offset_holds_on_when_its_clock_is_no_longer_set() -> None:
    """The process was started anew: who disciplined the clock is known to the store only."""
    dates = date(block("now"), SetClock(ClockState.UNSET), learnt(ClockState.SYNCED))
    assert dates == Dates(Dating.HOLDOVER, 1_700_000_000_000_000)


def test_what_the_clock_says_now_comes_before_what_was_learnt() -> None:
    dates = date(block("now"), SetClock(ClockState.SYNCED), learnt(ClockState.SYNCED))
    assert dates == Dates(Dating.SYNCED, 1_785_733_200_000_000)


def test_an_unset_clock_that_was_noted_dates_nothing() -> None:
    dates = date(block("earlier"), SetClock(ClockState.UNSET), learnt(ClockState.UNSET))
    assert dates == Dates(Dating.UNKNOWN, None)
