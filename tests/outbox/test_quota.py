"""A full outbox drops the oldest of the lowest lane, and accounts for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_gateway.outbox import Outbox, decode
from edge_gateway.outbox.quota import Loss, insert_all
from edge_gateway.outbox.records import NewBlock, OutboxStats
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Event, Flag, Lane, Measurand, Quantity, Reading, Stamp

if TYPE_CHECKING:
    from conftest import StillClock

BOOT = "0123456789abcdef0123456789abcdef"
QUOTA = 512 << 10
OVERFULL = 30
FillUp = Callable[[Outbox, int], int]


@pytest.fixture(scope="module")
def fill_up() -> FillUp:
    """Commits so often 5000 readings that zlib finds nothing in, 36 kB; returns how many in all."""
    random = Random(1)
    measurand = Measurand(Quantity.GLOBAL_IRRADIANCE)
    noise = [(random.uniform(-10, 1600), random.randrange(10**9)) for _ in range(5000)]

    def commit(outbox: Outbox, commits: int) -> int:
        for number in range(commits):
            outbox.append(
                Reading("dev", measurand, value, Flag.GOOD, Stamp(BOOT, number * 10**9 + ns))
                for value, ns in noise
            )
            assert outbox.commit().trouble == ""
        return 5000 * commits

    return commit


def losses(outbox: Outbox) -> list[Event]:
    """The loss events that wait, in order."""
    found = [
        entry
        for block in outbox.pending(Lane.EVENTS, limit=1000)
        for entry in decode(block.payload)
    ]
    return [event for event in found if isinstance(event, Event) and event.kind == "loss"]


def lost_entries(outbox: Outbox) -> int:
    return sum(int(event.text.split()[0]) for event in losses(outbox))


@dataclass(frozen=True)
class Look:
    """What an outbox says of itself at one moment."""

    stats: OutboxStats
    newest: int
    raw: tuple[int, ...]
    """Places of the samples' blocks, and of the events'."""
    events: tuple[int, ...]
    losses: tuple[Event, ...]


def look(outbox: Outbox) -> Look:
    raw, told = (
        tuple(block.handle.sequence for block in outbox.pending(lane, limit=10_000))
        for lane in (Lane.RAW, Lane.EVENTS)
    )
    return Look(outbox.stats(), outbox.newest_sequence(), raw, told, tuple(losses(outbox)))


@dataclass(frozen=True)
class Overfull:
    """What an outbox that got too much says at once, after ten minutes, and after ten more."""

    given: int
    looks: tuple[Look, Look, Look]


@pytest.fixture(scope="module")
def overfull(
    tmp_path_factory: pytest.TempPathFactory, still_clock: type[StillClock], fill_up: FillUp
) -> Overfull:
    clock, folder = still_clock(), tmp_path_factory.mktemp("overfull") / "outbox"
    outbox = Outbox(folder, clock=clock, quota_bytes=QUOTA, random=Random(1))
    given, looks = fill_up(outbox, OVERFULL), [look(outbox)]
    for _ in range(2):
        clock.now_s += 601
        outbox.commit()
        looks.append(look(outbox))
    outbox.close()
    return Overfull(given, (looks[0], looks[1], looks[2]))


def test_the_store_stays_within_its_quota(overfull: Overfull) -> None:
    assert overfull.looks[0].stats.disk_bytes <= QUOTA


def test_the_oldest_raw_blocks_go_first(overfull: Overfull) -> None:
    at_first = overfull.looks[0]
    (told,) = at_first.events
    everything_since = set(range(at_first.raw[0], at_first.newest + 1))
    assert at_first.raw[0] > 20
    assert set(at_first.raw) == everything_since - {told}


def test_every_entry_is_kept_or_told_as_lost(overfull: Overfull) -> None:
    # The first telling may itself have to drop something, which the second one tells.
    last = overfull.looks[2]
    told = sum(int(event.text.split()[0]) for event in last.losses)
    assert last.stats.lanes[Lane.RAW].entries + told == overfull.given
    assert last.stats.lost == told


def test_a_loss_names_its_lane_and_span_and_cause(overfull: Overfull) -> None:
    first = overfull.looks[0].losses[0]
    assert first.subject == "raw"
    assert re.fullmatch(
        r"\d+ entries in \d+ blocks given up, taken from 0\.\d{3} s after the start of boot "
        rf"{BOOT} to \d+\.\d{{3}} s after the start of boot {BOOT}: the outbox was full",
        first.text,
    )


def test_a_dated_loss_is_told_by_date(
    make_outbox: Callable[..., Outbox], fill_up: FillUp, clock: StillClock
) -> None:
    clock.offset_s = 1_785_733_200.0  # 2026-08-03T05:00:00Z
    outbox = make_outbox(QUOTA)
    fill_up(outbox, OVERFULL)
    assert "taken from 2026-08-03T05:00:00." in losses(outbox)[0].text


def test_losses_are_told_at_once_and_then_every_ten_minutes(overfull: Overfull) -> None:
    at_first, after_ten_minutes, _ = overfull.looks
    assert (len(at_first.losses), len(after_ten_minutes.losses)) == (1, 2)


def test_losses_not_yet_told_survive_a_restart(
    make_outbox: Callable[..., Outbox], fill_up: FillUp, clock: StillClock
) -> None:
    outbox = make_outbox(QUOTA)
    given = fill_up(outbox, OVERFULL)
    outbox.close()
    outbox = make_outbox(QUOTA)
    outbox.commit()
    clock.now_s += 601
    outbox.commit()
    assert outbox.stats().lanes[Lane.RAW].entries + lost_entries(outbox) == given


def test_raw_data_never_pushes_out_events(
    make_outbox: Callable[..., Outbox], fill_up: FillUp, event: Callable[[int], Event]
) -> None:
    outbox = make_outbox(QUOTA)
    outbox.append([event(1)])
    outbox.commit()
    fill_up(outbox, OVERFULL)
    assert decode(outbox.pending(Lane.EVENTS)[0].payload) == (event(1),)


def test_where_nothing_lower_waits_the_newcomer_is_the_loss(
    make_outbox: Callable[..., Outbox], fill_up: FillUp
) -> None:
    outbox = make_outbox(QUOTA)
    random = Random(2)
    text = "".join(chr(random.randrange(0x4E00, 0x9FFF)) for _ in range(10_000))
    for number in range(50):
        outbox.append([Event("test", "dev", text + str(number), Stamp(BOOT, number))])
        outbox.commit()
    kept, lost = outbox.stats().lanes[Lane.EVENTS], outbox.stats().lost
    given = fill_up(outbox, 1)
    stats = outbox.stats()
    assert stats.lanes[Lane.EVENTS] == kept
    assert stats.lanes[Lane.RAW].entries < given
    assert stats.lanes[Lane.RAW].entries + stats.lost - lost == given


def test_a_newcomer_takes_no_room_from_a_higher_lane(tmp_path: Path) -> None:
    table = BlockTable(tmp_path / "outbox.db", most_bytes=QUOTA, random=Random(1))
    count = NewBlock(Lane.COUNTS, BOOT, 0, 0, 1, bytes(4000))
    raw = NewBlock(Lane.RAW, BOOT, 5, 6, 7, bytes(100_000))
    with table.transaction():
        while not insert_all(table, [count]):
            pass
        kept = table.totals()
        losses = insert_all(table, [raw])
    after = table.totals()
    table.close()
    assert after == kept
    assert losses == [Loss(Lane.RAW, BOOT, "the outbox was full", 1, 7, 5, 6)]


def test_a_full_store_can_be_drained_and_takes_new_data(
    make_outbox: Callable[..., Outbox], fill_up: FillUp
) -> None:
    outbox = make_outbox(QUOTA)
    fill_up(outbox, OVERFULL)
    outbox.remove(block.handle for block in outbox.pending(Lane.RAW, limit=10_000))
    outbox.commit()
    fill_up(outbox, 2)
    assert outbox.stats().lanes[Lane.RAW].entries == 10_000


def test_a_condemned_block_is_told_as_lost(
    make_outbox: Callable[..., Outbox], fill_up: FillUp
) -> None:
    outbox = make_outbox(QUOTA)
    fill_up(outbox, 1)
    for block in outbox.pending(Lane.RAW, limit=9):
        outbox.condemn(block, "it cannot be read")
    outbox.commit()
    assert outbox.pending(Lane.RAW) == ()
    assert losses(outbox)[0].text.endswith("it cannot be read")


def test_the_file_gives_its_space_back_when_the_backlog_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    table = BlockTable(path, most_bytes=64 << 20, random=Random(1))
    payload = Random(2).randbytes(100_000)
    with table.transaction():
        for _ in range(100):
            table.insert(NewBlock(Lane.RAW, BOOT, 0, 0, 1, payload))
    with table.transaction():
        table.delete(range(1, 101))
    table.shrink()
    size = path.stat().st_size
    table.close()
    assert size < 1 << 20


def test_the_file_keeps_its_space_while_a_backlog_could_need_it(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    table = BlockTable(path, most_bytes=64 << 20, random=Random(1))
    with table.transaction():
        for _ in range(100):
            table.insert(NewBlock(Lane.RAW, BOOT, 0, 0, 1, bytes(100_000)))
    with table.transaction():
        table.delete(range(1, 50))
    table.shrink()
    table.close()
    assert path.stat().st_size > 9 << 20
