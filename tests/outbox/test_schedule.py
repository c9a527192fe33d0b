"""When which lane has its turn to be committed; times are nanoseconds worked by hand."""

from __future__ import annotations

from edge_gateway.outbox.schedule import Schedule
from edge_gateway.reading import Lane

S = 10**9
OTHERS = [lane for lane in Lane if lane is not Lane.EVENTS]


def test_a_lane_has_its_turn_when_its_interval_has_passed() -> None:
    schedule = Schedule({Lane.EVENTS: 2.0}, 0)
    assert (schedule.due(2 * S - 1), schedule.due(2 * S)) == ([], [Lane.EVENTS])
    assert schedule.due(5 * S) == list(Lane)


def test_a_turn_taken_begins_the_next_interval() -> None:
    schedule = Schedule({}, 0)
    schedule.committed(list(Lane), 5 * S)
    assert schedule.due(9 * S) == []
    assert schedule.next_s(9 * S) == 1.0


def test_while_a_backlog_drains_no_lane_waits_longer_than_told() -> None:
    schedule = Schedule({Lane.EVENTS: 0.5}, 0)
    assert schedule.due(S, 1.0) == list(Lane)
    schedule.committed(OTHERS, S)
    assert schedule.due(S + S // 2, 1.0) == [Lane.EVENTS]
    assert schedule.due(S + S // 2, 0.25) == list(Lane)


def test_a_shorter_interval_of_its_own_stays() -> None:
    schedule = Schedule(dict.fromkeys(Lane, 0.5), 0)
    assert schedule.next_s(0, 1.0) == 0.5


def test_a_lane_that_never_waits_has_its_turn_all_the_same() -> None:
    schedule = Schedule({Lane.EVENTS: 0.0}, 0)
    assert Lane.EVENTS in schedule.at_once
    assert Lane.EVENTS in schedule.due(5 * S)
