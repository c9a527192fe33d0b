"""When the disk refuses, what was committed stays, what is new waits, and it heals by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_gateway.outbox import Outbox, decode
from edge_gateway.outbox.memory import MOST_REFUSED_BYTES, give_up_excess
from edge_gateway.outbox.records import NewBlock
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp

if TYPE_CHECKING:
    from conftest import StillClock

BOOT = "0123456789abcdef0123456789abcdef"

# No file may grow beyond 600 kB: as a full disk does, this refuses the write itself.
LIMITED = """
import resource, sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp

resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
outbox = Outbox(Path(sys.argv[1]), clock=SystemClock(), quota_bytes=32 << 20, random=Random(1))
random, measurand, number = Random(1), Measurand(Quantity.GLOBAL_IRRADIANCE), 0

def give():
    global number
    outbox.append(
        Reading("dev", measurand, random.uniform(0, 1600), Flag.GOOD, Stamp("boot", n * 1_000_000))
        for n in range(number, number + 3000)
    )
    number += 3000
    return outbox.commit()

while not give().trouble:
    pass
stats = outbox.stats()
assert outbox.committed_through == number - stats.uncommitted == number - 3000
print("refused", stats.uncommitted, stats.trouble)
give()
assert outbox.stats().uncommitted == stats.uncommitted + 3000
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert outbox.commit().trouble == ""
assert outbox.committed_through == number
assert outbox.stats().uncommitted == 0 and outbox.stats().trouble == ""
blocks = outbox.pending(Lane.RAW, limit=10_000)
kept = [entry.at.monotonic_ns // 1_000_000 for block in blocks for entry in decode(block.payload)]
assert kept == list(range(number)), (len(kept), number)
print("all", number)
"""


def test_what_the_disk_refused_waits_in_memory_until_it_is_taken(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "outbox")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("all")


@pytest.fixture
def small_disk(disk_of: Callable[[str], Path]) -> Path:
    return disk_of("1536k")


def fill(outbox: Outbox, number: int, random: Random) -> str:
    outbox.append(
        Reading(
            "dev",
            Measurand(Quantity.GLOBAL_IRRADIANCE),
            random.uniform(0, 1600),
            Flag.GOOD,
            Stamp(BOOT, (number + place) * 1_000_000),
        )
        for place in range(3000)
    )
    return outbox.commit().trouble


def test_a_full_disk_can_be_drained_and_then_takes_what_waited(
    small_disk: Path, clock: StillClock
) -> None:
    outbox = Outbox(small_disk / "outbox", clock=clock, quota_bytes=64 << 20, random=Random(1))
    random, number = Random(1), 0
    while not fill(outbox, number, random):
        number += 3000
    number += 3000
    waiting = outbox.stats().uncommitted
    delivered: list[int] = []
    while blocks := outbox.pending(Lane.RAW, limit=20):
        delivered += [e.at.monotonic_ns // 1_000_000 for b in blocks for e in decode(b.payload)]
        outbox.remove(block.handle for block in blocks)
        outbox.commit()
    outbox.close()
    assert waiting > 0
    assert delivered == list(range(number))


def test_memory_is_bounded_while_the_disk_refuses() -> None:
    payload = bytes(1 << 20)
    blocks = [
        NewBlock(lane, BOOT, number, number, 10, payload)
        for number, lane in enumerate((Lane.RAW, Lane.EVENTS, Lane.RAW, Lane.COUNTS, Lane.RAW))
    ]
    losses = give_up_excess(blocks)
    assert sum(len(block.payload) for block in blocks) <= MOST_REFUSED_BYTES
    assert [(loss.lane, loss.first_us) for loss in losses] == [(Lane.RAW, 0)]
