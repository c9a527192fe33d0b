"""Targets are judged and ratios written as the figures say; figures here are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.peers import report
from benchmarks.peers.ours import ours
from benchmarks.peers.results import Books, Options, Outage, Rush, Steady
from benchmarks.peers.targets import verdicts

BOOKS = Books(handed=1000, lost=0, repeated=0, duplicated=0, disordered=0, strange=0)
STEADY = Steady(
    readings=20_000,
    seconds=40.0,
    held_up_s=0.0,
    cpu_s=4.0,
    rss_mb=50.0,
    rss_peak_mb=51.0,
    wire_up_bytes=3.5,
    wire_down_bytes=0.0,
    messages=1 / 2500,
    written_bytes=7.0,
    device_bytes=19.0,
    latency_p50_s=2.5,
    latency_p99_s=5.0,
    foreign_cores=0.5,
    harness_cores=0.1,
    books=BOOKS,
)
RUSH = Rush(1000, 70_000.0, 60_000.0, 1.2, 52.0, 4.0, 0.001, 8.0, 12.0, 0.5, 0.3, BOOKS)
OUTAGE = Outage(
    backlog=1_000_000,
    accepted_hz=70_000.0,
    disk_bytes=2.0,
    device_bytes=12.0,
    rss_mb=(50.0, 51.0, 55.0, 52.0),
    rss_peak_mb=56.0,
    first_after_s=4.0,
    drain_s=9.0,
    drain_hz=111_000.0,
    drain_cpu_s=0.7,
    live=4500,
    late_p50_s=2.5,
    late_most_s=5.1,
    late_accepted_most_s=0.2,
    foreign_cores=0.5,
    harness_cores=0.1,
    books=BOOKS,
)


def met(scenario: str, figures: object, theirs: object = None) -> dict[str, bool]:
    """Which targets these figures of ours meet, by the target's first words."""
    row: dict[str, object] = {"ours": figures}
    if theirs is not None:
        row["thingsboard"] = theirs
    return {v.target: v.is_met for v in verdicts({scenario: row})}


def the(found: dict[str, bool], words: str) -> bool:
    return next(is_met for target, is_met in found.items() if words in target)


@pytest.mark.parametrize(("theirs", "is_met"), [(32.0, True), (31.0, False)])
def test_an_eighth_of_the_processor_time_is_enough_and_no_more(
    theirs: float, *, is_met: bool
) -> None:
    found = met("steady", STEADY, replace(STEADY, cpu_s=theirs))
    assert the(found, "CPU a reading") is is_met


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(STEADY, device_bytes=20.5), "written a reading"),
        (replace(STEADY, device_bytes=None, written_bytes=20.5), "written a reading"),
        (replace(STEADY, wire_up_bytes=6.1), "on the wire"),
        (replace(STEADY, rss_peak_mb=60.1), "resident"),
        (replace(STEADY, books=replace(BOOKS, lost=1)), "nothing lost"),
        (replace(STEADY, books=replace(BOOKS, duplicated=1)), "nothing lost"),
    ],
)
def test_a_steady_figure_beyond_its_target_is_not_met(changed: Steady, words: str) -> None:
    assert the(met("steady", STEADY), words)
    assert not the(met("steady", changed), words)


def test_flat_out_both_rates_have_to_reach_the_target() -> None:
    assert the(met("rush", RUSH), "flat out")
    assert not the(met("rush", replace(RUSH, delivered_hz=59_999.0)), "flat out")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(OUTAGE, rss_mb=(50.0, 55.1, 50.0)), "memory flat"),
        (replace(OUTAGE, drain_hz=99_999.0), "100,000 a second"),
        (replace(OUTAGE, late_accepted_most_s=2.1), "since accepted"),
    ],
)
def test_a_figure_of_the_outage_beyond_its_target_is_not_met(changed: Outage, words: str) -> None:
    assert the(met("outage", OUTAGE), words)
    assert not the(met("outage", changed), words)


def test_repetitions_under_the_same_key_are_allowed() -> None:
    assert the(met("outage", replace(OUTAGE, books=replace(BOOKS, repeated=9))), "nothing lost")


def test_a_table_gives_the_ratio_of_ours_to_the_other() -> None:
    run = report.begin("make bench", [ours()], Options(), is_quick=False, nice=0)
    run.add("steady", "ours", STEADY)
    run.add("steady", "thingsboard", replace(STEADY, cpu_s=40.0, wire_up_bytes=1.75))
    lines = run.text().splitlines()
    assert "| CPU s per 100,000 readings | 4.00 | 40.00 | 1/10.0 |" in lines
    assert "| wire B a reading, up | 3.50 | 1.75 | 2.0 |" in lines


def test_a_gateway_that_could_not_be_measured_is_said_and_no_success() -> None:
    run = report.begin("make bench", [ours()], Options(), is_quick=False, nice=0)
    run.add("rush", "ours", RUSH)
    run.add("rush", "mosquitto", "mosquitto is not installed")
    assert "* `mosquitto`: mosquitto is not installed" in run.text()
    assert not run.is_good
