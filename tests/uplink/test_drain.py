"""What is sent next: turns, order, window, and lanes that the broker refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge_gateway.clock import WallTime
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival
from edge_gateway.uplink.drain import BACKLOG_BYTES, HOLD_LEAST_S, MERGED_BLOCKS, Drain, Outgoing
from edge_gateway.uplink.share import Share

SECOND = 10**9
LIVE, BACKFILL = Arrival.LIVE, Arrival.BACKFILL


class NoClock:
    def now(self) -> Stamp:
        return Stamp("boot", 0)

    def wall(self, stamp: Stamp) -> WallTime | None:
        del stamp

    def sleep(self, seconds: float) -> None:
        del seconds


class Bench:
    """A drain over a real outbox; each commit is one block, known by its number."""

    def __init__(
        self,
        folder: Path,
        *,
        consumers: tuple[str, ...] = ("main",),
        share: Share | None = None,
        merges: bool = False,
    ) -> None:
        self.outbox = Outbox(
            folder, clock=NoClock(), quota_bytes=8 << 20, random=Random(1), consumers=consumers
        )
        self.drain = Drain(self.outbox, Random(1), share=share, merges=merges)
        self._messages = 0

    def commit(
        self, blocks: int = 1, quantity: Quantity = Quantity.WIND_SPEED, boot_id: str = "boot"
    ) -> None:
        for _ in range(blocks):
            self.outbox.append(
                [Reading("dev", Measurand(quantity), 1.0, Flag.GOOD, Stamp(boot_id, 0))]
            )
            self.outbox.commit()
        self.drain.committed()

    def next(self, now_s: float = 0.0, *, live_only: bool = False) -> Outgoing | None:
        return self.drain.next(int(now_s * SECOND), live_only=live_only)

    def send(self, now_s: float = 0.0, size: int = 100) -> tuple[str, int] | None:
        """Send the next one; its arrival and sequence. Message numbers count from 1."""
        outgoing = self.next(now_s)
        if outgoing is None:
            return None
        self._messages += 1
        self.drain.sent(self._messages, outgoing, size)
        return (outgoing.arrival, outgoing.block.handle.sequence)

    def send_all(self, now_s: float = 0.0) -> list[tuple[str, int]]:
        sent: list[tuple[str, int]] = []
        while (one := self.send(now_s)) is not None:
            sent.append(one)
        return sent

    def acknowledge(self, number: int) -> None:
        outgoing = self.drain.acknowledged(number)
        assert outgoing is not None
        self.outbox.remove([block.handle for block in outgoing.blocks], consumer="main")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.outbox.close()


def test_what_waited_is_backfill_and_what_comes_after_is_live(bench: Bench) -> None:
    bench.commit(2)
    bench.drain.begin(10)
    bench.commit(1)
    assert bench.send_all() == [(LIVE, 3), (BACKFILL, 1), (BACKFILL, 2)]


def test_live_and_backlog_take_turns(bench: Bench) -> None:
    bench.commit(3)
    bench.drain.begin(10)
    bench.commit(3)
    assert [arrival for arrival, _ in bench.send_all()] == [LIVE, BACKFILL] * 3


def test_no_more_go_out_than_the_window_allows(bench: Bench) -> None:
    bench.drain.begin(3)
    bench.commit(5)
    assert len(bench.send_all()) == 3
    bench.acknowledge(1)
    assert bench.send_all() == [(LIVE, 4)]


def test_the_backlog_leaves_room_for_what_is_live(bench: Bench) -> None:
    bench.commit(9)
    bench.drain.begin(4)
    assert len(bench.send_all()) == 3
    bench.commit(1)
    assert bench.send_all() == [(LIVE, 10)]


def test_with_a_window_of_one_the_backlog_still_drains(bench: Bench) -> None:
    bench.commit(2)
    bench.drain.begin(1)
    assert bench.send_all() == [(BACKFILL, 1)]
    bench.acknowledge(1)
    assert bench.send_all() == [(BACKFILL, 2)]


def test_so_many_bytes_of_the_backlog_go_at_once(bench: Bench) -> None:
    bench.commit(9)
    bench.drain.begin(100)
    sent = 0
    while bench.send(size=BACKLOG_BYTES // 2):
        sent += 1
    assert sent == 2


def test_the_highest_lane_of_the_backlog_goes_first(bench: Bench) -> None:
    bench.commit(2, Quantity.WIND_SPEED)
    bench.commit(2, Quantity.PEOPLE)
    bench.drain.begin(10)
    assert [sequence for _, sequence in bench.send_all()] == [3, 4, 1, 2]


def test_what_was_not_acknowledged_is_backfill_after_the_next_connection(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(3)
    bench.send_all()
    bench.acknowledge(2)
    bench.drain.begin(10)
    assert bench.send_all() == [(BACKFILL, 1), (BACKFILL, 3)]


def test_an_answer_to_somebody_elses_message_is_nothing(bench: Bench) -> None:
    bench.drain.begin(10)
    assert bench.drain.acknowledged(77) is None
    assert bench.drain.refused(77, 0) is None


def test_a_refused_block_holds_its_lane_and_no_other(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(1, Quantity.PEOPLE)
    bench.send_all()
    bench.drain.refused(1, 0)
    bench.commit(1, Quantity.PEOPLE)
    bench.commit(1, Quantity.WIND_SPEED)
    assert bench.send_all() == [(LIVE, 3)]


def test_a_refused_block_is_the_first_of_its_lane_when_the_hold_ends(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(3)
    bench.send_all()
    bench.acknowledge(2)
    bench.drain.refused(1, 0)
    bench.drain.refused(3, 0)
    bench.commit(1)
    held_s = bench.drain.held_for_s(0)
    assert held_s is not None
    assert held_s >= HOLD_LEAST_S
    assert bench.send_all(held_s - 0.001) == []
    assert bench.send_all(held_s + 0.001) == [(LIVE, 1), (LIVE, 3), (LIVE, 4)]


def test_a_block_under_way_is_not_sent_a_second_time(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(3)
    bench.send_all()
    bench.drain.refused(1, 0)
    assert bench.send_all(1000.0) == [(LIVE, 1)]


def test_holds_grow_while_the_broker_goes_on_refusing(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(1)
    now_s, waits = 0.0, list[float]()
    for number in range(1, 40):
        bench.send_all(now_s)
        bench.drain.refused(number, int(now_s * SECOND))
        held_s = bench.drain.held_for_s(int(now_s * SECOND))
        assert held_s is not None
        waits.append(held_s)
        now_s += held_s + 0.001
    assert max(waits) > 60
    assert max(waits) <= 301


def test_a_taken_message_ends_the_hold_of_its_lane(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(2)
    bench.send_all()
    bench.drain.refused(1, 0)
    bench.acknowledge(2)
    assert bench.drain.held_for_s(0) is None


def test_while_stopping_only_what_is_live_is_sent(bench: Bench) -> None:
    bench.commit(1)
    bench.drain.begin(10)
    bench.commit(1)
    outgoing = bench.next(live_only=True)
    assert outgoing is not None
    assert outgoing.arrival is LIVE
    assert bench.next(live_only=True) is None


def test_lanes_stand_in_order_of_priority() -> None:
    assert list(Lane) == [Lane.EVENTS, Lane.COUNTS, Lane.SUMMARIES, Lane.RAW]


@pytest.fixture
def merging(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, merges=True)
    yield made
    made.outbox.close()


def numbers(outgoing: Outgoing | None) -> list[int]:
    return [] if outgoing is None else [block.handle.sequence for block in outgoing.blocks]


def test_small_blocks_of_a_backlog_go_together(merging: Bench) -> None:
    merging.commit(5)
    merging.drain.begin(10)
    assert numbers(merging.next()) == [1, 2, 3, 4, 5]
    assert merging.next() is None


def test_live_blocks_go_alone(merging: Bench) -> None:
    merging.drain.begin(10)
    merging.commit(2)
    assert [numbers(merging.next()), numbers(merging.next())] == [[1], [2]]


def test_blocks_of_different_lanes_or_boots_do_not_go_together(merging: Bench) -> None:
    merging.commit(2, Quantity.PEOPLE)
    merging.commit(1)
    merging.commit(1, boot_id="later")
    merging.drain.begin(10)
    assert [numbers(merging.next()) for _ in range(3)] == [[1, 2], [3], [4]]


def test_no_more_go_together_than_the_bounds_allow(merging: Bench) -> None:
    merging.commit(MERGED_BLOCKS + 1)
    merging.drain.begin(10)
    assert len(numbers(merging.next())) == MERGED_BLOCKS
    assert len(numbers(merging.next())) == 1


def test_blocks_that_go_together_are_refused_together(merging: Bench) -> None:
    merging.commit(3)
    merging.drain.begin(10)
    merging.send_all()
    merging.drain.refused(1, 0)
    assert numbers(merging.next(1000.0)) == [1, 2, 3]


def test_a_block_in_several_messages_is_delivered_when_all_are(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(1)
    outgoing = bench.next()
    assert outgoing is not None
    for number in (1, 2, 3):
        bench.drain.sent(number, outgoing, 10, messages=3)
    assert [bench.drain.acknowledged(number) for number in (2, 1)] == [None, None]
    assert bench.drain.acknowledged(3) is outgoing


def test_when_one_message_of_a_block_is_refused_the_whole_block_goes_again(bench: Bench) -> None:
    bench.drain.begin(10)
    bench.commit(1)
    outgoing = bench.next()
    assert outgoing is not None
    for number in (1, 2, 3):
        bench.drain.sent(number, outgoing, 10, messages=3)
    bench.drain.acknowledged(1)
    bench.drain.refused(2, 0)
    assert numbers(bench.next(1000.0)) == [1]
    assert bench.drain.acknowledged(3) is None
    assert bench.drain.in_flight == 0


def test_a_slow_backlog_says_when_it_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, share=Share(0.5, most_per_s=2))
    bench.commit(2)
    bench.drain.begin(10)
    assert bench.send_all() == [(BACKFILL, 1)]
    assert bench.drain.due_s(0) == 0.5
    assert bench.send_all(0.5) == [(BACKFILL, 2)]
    bench.outbox.close()


def test_two_consumers_have_a_place_each(tmp_path: Path) -> None:
    bench = Bench(tmp_path, consumers=("main", "city"))
    city = Drain(bench.outbox, Random(2), consumer="city")
    bench.commit(2)
    bench.drain.begin(10)
    city.begin(10)
    bench.send_all()
    for number in (1, 2):
        bench.acknowledge(number)
    assert bench.outbox.stats().blocks == 2
    assert numbers(city.next(0)) == [1]
    bench.drain.begin(10)
    assert bench.send_all() == []
    bench.outbox.close()


def test_older_blocks_that_come_in_later_are_sent(bench: Bench) -> None:
    """As when a damaged store is recovered: below the newest, while the connection stands."""
    bench.commit(3)
    bench.drain.begin(10)
    assert bench.send_all() == [(BACKFILL, 1), (BACKFILL, 2), (BACKFILL, 3)]
    for number in (1, 2, 3):
        bench.acknowledge(number)
    bench.outbox.commit()
    with closing(sqlite3.connect(bench.outbox.path)) as other, other:
        other.execute(
            "INSERT INTO blocks (sequence, lane, boot, first_us, last_us, entries, bytes, origin,"
            " payload) VALUES (2, 'raw', 'boot', 0, 0, 1, 1, 'old/2', x'00')"
        )
    assert bench.send_all() == []
    # What the store counts up when it has put blocks back.
    durable: Any = vars(bench.outbox)["_durable"]
    durable.backlog_epoch += 1
    assert bench.send_all() == [(BACKFILL, 2)]
