"""What a boot's clock was found to be outlives the boot, and is written only when it is news."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from edge_gateway.clock import ClockState
from edge_gateway.outbox import BootClock, Outbox
from edge_gateway.reading import Reading

MakeOutbox = Callable[..., Outbox]
SYNCED = BootClock("boot-a", 1_785_733_200 * 10**9, 0.5, ClockState.SYNCED)


def is_written(outbox: Outbox, later: BootClock) -> bool:
    """Whether somebody who watches the file sees a commit when this is noted."""
    with closing(sqlite3.connect(outbox.path)) as watcher:
        before = watcher.execute("PRAGMA data_version").fetchone()
        outbox.note_clock(later)
        outbox.commit()
        return watcher.execute("PRAGMA data_version").fetchone() != before


def test_a_clock_is_known_after_a_restart(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox()
    outbox.note_clock(SYNCED)
    outbox.commit()
    outbox.close()
    assert make_outbox().clock_of("boot-a") == SYNCED


def test_of_a_boot_that_was_never_dated_nothing_is_known(make_outbox: MakeOutbox) -> None:
    assert make_outbox().clock_of("boot-b") is None


@pytest.mark.parametrize(
    ("later", "is_news"),
    [
        (SYNCED, False),
        (replace(SYNCED, offset_ns=SYNCED.offset_ns + 50_000_000), False),
        (replace(SYNCED, offset_ns=SYNCED.offset_ns - 150_000_000), True),
        (replace(SYNCED, error_s=0.4), False),
        (replace(SYNCED, error_s=0.2), True),
        (replace(SYNCED, state=ClockState.HOLDOVER, error_s=9.0), False),
        (replace(SYNCED, state=ClockState.UNSET), True),
    ],
)
def test_only_news_is_written(make_outbox: MakeOutbox, later: BootClock, *, is_news: bool) -> None:
    outbox = make_outbox()
    outbox.note_clock(SYNCED)
    outbox.commit()
    assert is_written(outbox, later) == is_news
    assert (outbox.clock_of("boot-a") == later) == (is_news or later == SYNCED)


def test_a_clock_that_was_only_held_over_becomes_synced(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox()
    outbox.note_clock(replace(SYNCED, state=ClockState.HOLDOVER))
    outbox.note_clock(SYNCED)
    assert outbox.clock_of("boot-a") == SYNCED


def test_a_thousand_boots_leave_a_small_table(
    make_outbox: MakeOutbox, sample: Callable[..., Reading]
) -> None:
    outbox = make_outbox()
    for number in range(1000):
        outbox.note_clock(replace(SYNCED, boot_id=f"boot-{number}"))
        if number % 10 == 0:
            outbox.append([sample(number)])
            outbox.commit()
    outbox.close()
    outbox = make_outbox()
    known = [number for number in range(1000) if outbox.clock_of(f"boot-{number}") is not None]
    assert known[-1] == 999
    assert len(known) <= 256
