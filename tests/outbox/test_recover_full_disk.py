"""A damaged store on a full disk: the live road goes on, and what was set aside stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp

if TYPE_CHECKING:
    from conftest import StillClock

MakeOutbox = Callable[..., Outbox]
BOOT = "0123456789abcdef0123456789abcdef"
PAGE = 1024
BATCH = 3000


@pytest.fixture
def disk(disk_of: Callable[[str], Path]) -> Path:
    return disk_of("2m")


@pytest.fixture
def opened(clock: StillClock) -> Iterator[MakeOutbox]:
    made: list[Outbox] = []

    def make(disk: Path, seed: int, quota_bytes: int = 8 << 20) -> Outbox:
        outbox = Outbox(disk / "outbox", clock=clock, quota_bytes=quota_bytes, random=Random(seed))
        made.append(outbox)
        return outbox

    yield make
    for outbox in made:
        outbox.close()


def give(outbox: Outbox, first: int, count: int = BATCH) -> str:
    """Readings stamped with their numbers, in milliseconds, that pack badly."""
    random = Random(first)
    sun = Measurand(Quantity.GLOBAL_IRRADIANCE)
    outbox.append(
        Reading("dev", sun, random.uniform(0, 1600), Flag.GOOD, Stamp(BOOT, number * 10**6))
        for number in range(first, first + count)
    )
    return outbox.commit().trouble


def numbers(outbox: Outbox) -> list[int]:
    return [
        entry.at.monotonic_ns // 10**6
        for block in outbox.pending(Lane.RAW, limit=10_000)
        for entry in decode(block.payload)
    ]


def damaged(outbox: Outbox, commits: int) -> Path:
    """Fill a store and break a page of it; the path."""
    for number in range(commits):
        assert give(outbox, number * BATCH) == ""
    outbox.close()
    with outbox.path.open("r+b") as file:
        file.seek(outbox.path.stat().st_size // 2 // PAGE * PAGE)
        file.write(b"\xff" * PAGE)
    return outbox.path


def fill_disk(folder: Path, leave: int) -> Path:
    """Another program's file that takes all but so many bytes."""
    with (filler := folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)) == 4096:
                pass
        except OSError:
            pass
        file.truncate(max(file.tell() - leave, 0))
    return filler


def test_a_recovery_leaves_the_disk_to_what_is_new(disk: Path, opened: MakeOutbox) -> None:
    path = damaged(opened(disk, 1), 25)
    kept = path.with_name("outbox.db.corrupt-1")
    before = path.read_bytes()
    filler = fill_disk(disk, 400_000)
    outbox = opened(disk, 2)
    for number in range(5):
        assert "lacks" in outbox.commit().trouble
        assert give(outbox, 10**6 + number * 100, 100) == ""
    assert outbox.stats().recovering
    assert numbers(outbox) == list(range(10**6, 10**6 + 500))
    assert kept.read_bytes() == before
    filler.unlink()
    for _ in range(5):
        outbox.commit()
    assert not outbox.stats().recovering
    assert len(numbers(outbox)) > 20 * BATCH
    assert kept.read_bytes() == before


def test_on_a_disk_without_any_room_the_reserve_makes_a_start_possible(
    disk: Path, opened: MakeOutbox
) -> None:
    path = damaged(opened(disk, 1), 25)
    filler = fill_disk(disk, 0)
    outbox = opened(disk, 2)
    assert outbox.recovery is not None
    assert outbox.recovery.kept_as.exists()
    give(outbox, 10**6, 100)
    filler.unlink()
    for _ in range(5):
        outbox.commit()
    found = numbers(outbox)
    assert found[-100:] == list(range(10**6, 10**6 + 100))
    assert len(found) > 20 * BATCH
    assert not path.with_name("outbox.db.corrupt-2").exists()


def test_under_a_small_quota_the_oldest_of_a_recovery_goes_and_is_counted(
    tmp_path: Path, opened: MakeOutbox
) -> None:
    path = damaged(opened(tmp_path, 1), 40)
    outbox = opened(tmp_path, 2, quota_bytes=256 << 10)
    while outbox.stats().recovering:
        assert give(outbox, 10**6, 100) == ""
    assert give(outbox, 2 * 10**6, 100) == ""
    assert numbers(outbox)[-100:] == list(range(2 * 10**6, 2 * 10**6 + 100))
    assert outbox.stats().lost > 0
    assert path.with_name("outbox.db.corrupt-1").exists()
