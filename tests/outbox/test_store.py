"""What the outbox promises while nothing goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from edge_gateway.outbox import Handle, Outbox, OutboxError, decode
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Event, Lane, Quantity, Reading

if TYPE_CHECKING:
    from conftest import StillClock

Sample = Callable[..., Reading]
MakeOutbox = Callable[..., Outbox]


def numbers(outbox: Outbox, lane: Lane = Lane.RAW) -> list[int]:
    """The stamps in seconds of all that waits in a lane, in order."""
    blocks = outbox.pending(lane, limit=10_000)
    return [entry.at.monotonic_ns // 10**9 for block in blocks for entry in decode(block.payload)]


def test_what_was_not_committed_does_not_wait_for_the_broker(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    outbox.append([sample(1)])
    assert outbox.pending(Lane.RAW) == ()


def test_what_was_committed_is_there_after_a_restart(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    outbox.append([sample(1), sample(2)])
    outbox.commit()
    outbox.close()
    assert numbers(make_outbox()) == [1, 2]


def test_a_commit_says_what_it_made_durable(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(1), sample(2), sample(3, Quantity.PEOPLE)])
    committed = outbox.commit()
    assert (committed.blocks, committed.entries, committed.trouble) == (2, 3, "")


def test_a_commit_of_nothing_makes_nothing(make_outbox: MakeOutbox) -> None:
    assert make_outbox().commit().blocks == 0


def test_closing_commits_what_is_left(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(1)])
    outbox.close()
    assert numbers(make_outbox()) == [1]


def test_each_lane_waits_by_itself(
    make_outbox: MakeOutbox, sample: Sample, event: Callable[[int], Event]
) -> None:
    outbox = make_outbox()
    outbox.append([sample(1), event(2), sample(3, Quantity.PEOPLE)])
    outbox.commit()
    assert [numbers(outbox, lane) for lane in Lane] == [[2], [3], [], [1]]


def test_the_highest_lane_of_a_commit_has_the_lowest_number(
    make_outbox: MakeOutbox, sample: Sample, event: Callable[[int], Event]
) -> None:
    outbox = make_outbox()
    outbox.append([sample(1), event(2)])
    outbox.commit()
    assert outbox.pending(Lane.EVENTS)[0].handle.sequence == 1


def test_a_large_commit_is_split_evenly_into_blocks_of_at_most_four_thousand(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    outbox.append([sample(number) for number in range(9000)])
    outbox.commit()
    assert [block.entries for block in outbox.pending(Lane.RAW, limit=9)] == [3000, 3000, 3000]
    assert numbers(outbox) == list(range(9000))


def test_two_boots_never_share_a_block(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(1, boot="a"), sample(2, boot="b")])
    outbox.commit()
    assert [block.boot_id for block in outbox.pending(Lane.RAW, limit=9)] == ["a", "b"]


def test_a_block_knows_its_span(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(7), sample(3), sample(5)])
    outbox.commit()
    (block,) = outbox.pending(Lane.RAW)
    assert (block.first_us, block.last_us) == (3_000_000, 7_000_000)


def test_pending_pages_by_sequence(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    for number in range(5):
        outbox.append([sample(number)])
        outbox.commit()
    found = outbox.pending(Lane.RAW, after=1, through=3, limit=9)
    assert [block.handle.sequence for block in found] == [2, 3]


def test_what_was_removed_is_gone_at_once_and_after_a_restart(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    for number in range(3):
        outbox.append([sample(number)])
        outbox.commit()
    outbox.remove([outbox.pending(Lane.RAW)[0].handle])
    assert numbers(outbox) == [1, 2]
    outbox.close()
    assert numbers(make_outbox()) == [1, 2]


def test_a_number_is_never_used_twice(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    keys: list[str] = []
    for number in range(3):
        outbox.append([sample(number)])
        outbox.commit()
        (block,) = outbox.pending(Lane.RAW)
        keys.append(block.key)
        outbox.remove([block.handle])
        outbox.close()
        outbox = make_outbox()
    assert keys == [f"{outbox.store}/{sequence}" for sequence in (1, 2, 3)]


def test_two_stores_have_two_ids(tmp_path: Path, clock: StillClock) -> None:
    outboxes = [
        Outbox(tmp_path / str(seed), clock=clock, quota_bytes=1 << 20, random=Random(seed))
        for seed in (1, 2)
    ]
    first, second = (outbox.store for outbox in outboxes)
    for outbox in outboxes:
        outbox.close()
    assert first != second


def test_a_handle_of_another_store_removes_nothing(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(1)])
    outbox.commit()
    outbox.remove([Handle("another", 1)])
    assert numbers(outbox) == [1]


def test_appending_from_many_threads_loses_nothing(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()

    def work(start: int) -> None:
        for number in range(start, start + 200):
            outbox.append([sample(number)])
            if number % 50 == 0:
                outbox.commit()

    threads = [Thread(target=work, args=(start,)) for start in range(0, 1600, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.commit()
    assert sorted(numbers(outbox)) == list(range(1600))


def test_a_listener_hears_of_each_commit_that_stored_something(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    heard: list[int] = []
    outbox.on_commit(lambda: heard.append(outbox.newest_sequence()))
    outbox.commit()
    outbox.append([sample(1)])
    outbox.commit()
    assert heard == [1]


def test_a_second_outbox_in_the_same_folder_is_refused(make_outbox: MakeOutbox) -> None:
    make_outbox()
    with pytest.raises(OutboxError, match="in use by another"):
        make_outbox()


def test_a_folder_that_cannot_be_made_is_told_with_the_key(
    tmp_path: Path, make_outbox: MakeOutbox
) -> None:
    (tmp_path / "outbox").write_text("a file stands in the way")
    with pytest.raises(OutboxError, match=r"outbox\.folder"):
        make_outbox()


def test_stats_count_what_waits_and_what_is_not_committed(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    outbox.append([sample(1), sample(2), sample(3, Quantity.PEOPLE)])
    outbox.commit()
    outbox.append([sample(4)])
    stats = outbox.stats()
    assert (stats.blocks, stats.entries, stats.uncommitted, stats.lost) == (2, 3, 1, 0)
    assert stats.lanes[Lane.COUNTS].entries == 1


def test_stats_say_how_old_the_oldest_is(
    make_outbox: MakeOutbox, sample: Sample, clock: StillClock
) -> None:
    outbox = make_outbox()
    outbox.append([sample(940)])
    outbox.commit()
    clock.now_s = 1000.0
    assert outbox.stats().oldest_age_s == 60.0


def test_the_age_of_an_undated_boot_is_not_known(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    outbox.append([sample(940, boot="earlier")])
    outbox.commit()
    assert outbox.stats().oldest_age_s is None


def test_hours_left_are_the_free_bytes_over_the_present_rate(
    make_outbox: MakeOutbox, sample: Sample, clock: StillClock
) -> None:
    outbox = make_outbox()
    for _ in range(5):
        clock.now_s += 36.0
        outbox.append([sample(1)])
        outbox.commit()
    stats = outbox.stats()
    # Four commits in 144 s after the first; a block weighs its bytes and 200 of the table.
    per_block = stats.bytes / 5 + 200
    assert stats.bytes_per_hour == pytest.approx(4 * per_block / 144 * 3600)
    assert stats.hours_left is not None
    assert stats.hours_left * stats.bytes_per_hour < stats.quota_bytes - stats.disk_bytes


def test_before_a_rate_is_known_no_hours_are_promised(make_outbox: MakeOutbox) -> None:
    assert make_outbox().stats().hours_left is None


def test_a_commit_is_on_the_card_when_it_returns(tmp_path: Path) -> None:
    """SQLite's own word: write-ahead log, and FULL (2) syncs it at every commit."""
    table = BlockTable(tmp_path / "outbox.db", most_bytes=1 << 20, random=Random(1))
    settings = [
        table.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    table.close()
    assert settings == ["wal", 2]
