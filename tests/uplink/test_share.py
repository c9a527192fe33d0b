"""How live data and the backlog share the rate, worked out by hand."""

from __future__ import annotations

import pytest

from edge_gateway.outbox import Handle, StoredBlock
from edge_gateway.reading import Lane
from edge_gateway.uplink.batch import Arrival
from edge_gateway.uplink.share import Share

SECOND = 10**9


def blocks(size: int, entries: int = 1) -> tuple[StoredBlock, ...]:
    block = StoredBlock(Handle("s", 1), "s/1", Lane.RAW, "b", 0, 0, entries, bytes(size))
    return (block,)


def shared(share: Share, count: int, live_bytes: int, backlog_bytes: int) -> list[Arrival]:
    """Who goes when both always wait."""
    order: list[Arrival] = []
    for _ in range(count):
        arrival = share.turns()[0]
        size = live_bytes if arrival is Arrival.LIVE else backlog_bytes
        share.took(arrival, blocks(size), 0)
        order.append(arrival)
    return order


@pytest.mark.parametrize(
    ("share", "live_bytes", "backlog_bytes"),
    [(0.5, 100, 100), (0.5, 100, 1000), (0.25, 300, 300), (0.9, 1000, 100), (0.1, 50, 700)],
)
def test_both_get_their_part_of_the_bytes(
    share: float, live_bytes: int, backlog_bytes: int
) -> None:
    order = shared(Share(share), 10_000, live_bytes, backlog_bytes)
    backlog = order.count(Arrival.BACKFILL) * backlog_bytes
    live = order.count(Arrival.LIVE) * live_bytes
    assert backlog / (backlog + live) == pytest.approx(share, abs=0.005)


def test_with_no_share_the_backlog_waits_while_anything_live_does() -> None:
    assert set(shared(Share(0.0), 100, 10, 10)) == {Arrival.LIVE}


def test_nothing_is_owed_for_a_time_in_which_only_one_waited() -> None:
    share = Share(0.5)
    for _ in range(100):
        share.took(Arrival.BACKFILL, blocks(1000), 0)
        share.passed()
    assert shared(share, 2, 100, 100) == [Arrival.LIVE, Arrival.BACKFILL]


def test_so_many_readings_of_the_backlog_go_in_a_second() -> None:
    share = Share(0.5, most_per_s=100)
    share.took(Arrival.BACKFILL, blocks(1, entries=50), 0)
    assert share.backlog_in_s(0) == 0.5
    assert share.backlog_in_s(SECOND // 2) == 0.0


def test_live_data_has_no_such_limit() -> None:
    share = Share(0.5, most_per_s=1)
    share.took(Arrival.LIVE, blocks(1, entries=50), 0)
    assert share.backlog_in_s(0) == 0.0
