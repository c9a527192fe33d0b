"""Each lane is committed at its own pace, and an entry's number says when it is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_gateway.outbox import Outbox
from edge_gateway.reading import Event, Lane, Quantity, Reading

if TYPE_CHECKING:
    from conftest import StillClock

Sample = Callable[..., Reading]
MakeOutbox = Callable[..., Outbox]
MakeEvent = Callable[[int], Event]


def test_entries_are_numbered_in_the_order_they_are_handed_in(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    assert [
        outbox.append([sample(1), sample(2)]),
        outbox.append([]),
        outbox.append([sample(3)]),
    ] == [
        2,
        2,
        3,
    ]


def test_nothing_is_durable_before_the_commit_and_all_of_it_after(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    outbox.append([sample(number) for number in range(7)])
    before = outbox.committed_through
    outbox.commit()
    assert (before, outbox.committed_through) == (0, 7)


def test_a_lane_that_waits_holds_the_number_back(
    make_outbox: MakeOutbox, sample: Sample, event: MakeEvent
) -> None:
    outbox = make_outbox()
    outbox.append([event(1), sample(2), event(3)])
    outbox.commit([Lane.EVENTS])
    first = outbox.committed_through
    outbox.commit([Lane.RAW])
    assert (first, outbox.committed_through) == (1, 3)


def test_a_lane_with_interval_0_is_durable_when_append_returns(
    make_outbox: MakeOutbox, sample: Sample, event: MakeEvent
) -> None:
    outbox = make_outbox(commit_interval_s={Lane.EVENTS: 0})
    outbox.append([sample(1)])
    outbox.append([event(2)])
    assert len(outbox.pending(Lane.EVENTS)) == 1
    assert outbox.pending(Lane.RAW) == ()


def test_each_lane_has_its_turn(
    make_outbox: MakeOutbox, sample: Sample, event: MakeEvent, clock: StillClock
) -> None:
    outbox = make_outbox(commit_interval_s={Lane.COUNTS: 1.0, Lane.RAW: 30.0})
    outbox.append([sample(1), sample(2, Quantity.PEOPLE), event(3)])
    waits: list[float] = []
    stored: list[int] = []
    for _ in range(3):
        waits.append(outbox.next_commit_s())
        clock.now_s += outbox.next_commit_s()
        outbox.commit_due()
        stored.append(outbox.stats().entries)
    assert waits == [1.0, 1.0, 1.0]
    assert stored == [1, 1, 1]
    clock.now_s += 2.0
    outbox.commit_due()
    assert outbox.stats().entries == 2
    clock.now_s += 25.0
    outbox.commit_due()
    assert outbox.stats().entries == 3


def test_before_its_turn_nothing_is_committed(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(1)])
    assert outbox.commit_due().blocks == 0
    assert outbox.stats().uncommitted == 1


def test_stats_give_hours_by_lane_at_the_present_rate(
    make_outbox: MakeOutbox, sample: Sample, clock: StillClock
) -> None:
    outbox = make_outbox()
    for number in range(11):
        outbox.append([sample(number)])
        if number % 2:
            outbox.append([sample(number, Quantity.PEOPLE)])
        outbox.commit()
        clock.now_s += 360.0
    stats = outbox.stats()
    assert set(stats.lane_bytes_per_hour) == {Lane.RAW, Lane.COUNTS}
    assert sum(stats.lane_bytes_per_hour.values()) == stats.bytes_per_hour
    raw, counts = (stats.lane_bytes_per_hour[lane] for lane in (Lane.RAW, Lane.COUNTS))
    # The last quarter of an hour holds two commits after the first, one of them with a count.
    assert 1.5 < raw / counts < 2.5
    assert stats.lane_hours[Lane.RAW] == stats.lanes[Lane.RAW].bytes / raw
