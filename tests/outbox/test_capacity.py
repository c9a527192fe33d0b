"""A quota that is said to hold an outage does, by what a store really takes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from edge_gateway.outbox import Outbox, holds, outage_bytes, quota_for
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp

BOOT = "0123456789abcdef0123456789abcdef"


def test_a_small_pole_holds_three_days_in_the_default_quota() -> None:
    """11 readings a second of 6 series for 72 h: 2.9 million readings in 52,000 commits."""
    assert holds(512_000_000, readings_per_s=11, series=6, outage_hours=72)


def test_a_quota_of_30_megabytes_does_not() -> None:
    assert not holds(30_000_000, readings_per_s=11, series=6, outage_hours=72)


@pytest.mark.parametrize("rate", [0.1, 1.0, 11.0, 500.0])
def test_what_is_advised_is_enough_and_a_tenth_less_is_not(rate: float) -> None:
    quota = quota_for(readings_per_s=rate, series=6, outage_hours=72)
    assert holds(quota, readings_per_s=rate, series=6, outage_hours=72)
    assert not holds(quota * 9 // 10, readings_per_s=rate, series=6, outage_hours=72)


def test_a_pole_that_gives_nothing_needs_next_to_nothing() -> None:
    assert outage_bytes(readings_per_s=0, series=0, hours=72) < 5_000_000


def test_rarer_commits_take_less() -> None:
    five, sixty = (
        outage_bytes(readings_per_s=11, series=6, hours=72, commit_interval_s=seconds)
        for seconds in (5.0, 60.0)
    )
    assert sixty < five / 2


@pytest.mark.parametrize(("rate", "commits"), [(10, 400), (500, 30)])
def test_the_estimate_is_above_what_a_store_takes_and_below_its_double(
    make_outbox: Callable[..., Outbox], rate: int, commits: int
) -> None:
    """Ten series in turn, of which each value moves by a step that cannot be foretold."""
    outbox, random = make_outbox(), Random(1)
    empty = outbox.stats().disk_bytes
    values = [20.0] * 10
    for commit in range(commits):
        for place in range(rate * 5):
            series = place % 10
            values[series] += random.gauss(0, 0.05)
            at_s = commit * 5 + place / rate + random.gauss(0, 0.0005)
            outbox.append(
                [
                    Reading(
                        f"dev-{series}",
                        Measurand(Quantity.AIR_TEMPERATURE),
                        values[series],
                        Flag.GOOD,
                        Stamp(BOOT, int(at_s * 1e9) + 10**9),
                    )
                ]
            )
        outbox.commit()
    taken = outbox.stats().disk_bytes - empty
    minutes = outage_bytes(readings_per_s=0, series=10, hours=commits * 5 / 3600)
    expected = outage_bytes(readings_per_s=rate, series=10, hours=commits * 5 / 3600) - minutes
    assert taken < expected < 2.2 * taken
