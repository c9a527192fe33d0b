"""A start that meets a disk without room, or a recovery that a power cut interrupted, goes on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_gateway.outbox import Outbox, OutboxReader, recover
from edge_gateway.outbox.folder import Reserve
from edge_gateway.outbox.search import Slice, read_slice
from edge_gateway.reading import Lane

MakeOutbox = Callable[..., Outbox]

# Fills the store without an end, says when the disk refuses, and waits to be killed.
FILLS = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp

folder = Path(sys.argv[1])
outbox = Outbox(folder / "outbox", clock=SystemClock(), quota_bytes=64 << 20, random=Random(1))
random = Random(2)

def give(number):
    outbox.append(
        Reading("dev", Measurand(Quantity.WIND_SPEED), random.uniform(0, 60), Flag.GOOD,
                Stamp("boot", n * 10**9))
        for n in range(number, number + 500)
    )
    return outbox.commit().trouble

assert not give(0)
with (folder / "ballast").open("wb", buffering=0) as ballast:
    for size in (4096, 1):
        try:
            while ballast.write(bytes(size)):
                pass
        except OSError:
            pass
number = 500
while not give(number):
    number += 500
print(number, flush=True)
sys.stdin.read()
"""

STARTS = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Lane

outbox = Outbox(
    Path(sys.argv[1]) / "outbox", clock=SystemClock(), quota_bytes=64 << 20, random=Random(1)
)
blocks = outbox.pending(Lane.RAW, limit=10_000)
print(sum(block.entries for block in blocks))
outbox.remove(block.handle for block in blocks)
outbox.commit()
outbox.close()
"""


@pytest.fixture
def small_disk(disk_of: Callable[[str], Path]) -> Path:
    return disk_of("4m")


def test_after_a_kill_on_a_full_disk_the_start_succeeds_and_drains(small_disk: Path) -> None:
    filling = subprocess.Popen(
        [sys.executable, "-c", FILLS, str(small_disk)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert filling.stdout is not None
    committed = filling.stdout.readline().strip()
    filling.kill()
    filling.communicate()
    done = subprocess.run(
        [sys.executable, "-c", STARTS, str(small_disk)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout.strip() == committed
    with OutboxReader(small_disk / "outbox" / "outbox.db") as reader:
        assert reader.stats() == {}


def test_a_reserve_is_as_large_as_the_disk_allows(small_disk: Path) -> None:
    reserve = Reserve(small_disk / "reserve", 64 << 20)
    assert reserve.size == 1 << 20
    (small_disk / "ballast").write_bytes(bytes(3_700_000))
    reserve.hold()
    assert reserve.held
    assert (small_disk / "reserve").stat().st_size == 256 << 10


def test_a_marker_that_a_power_cut_left_empty_does_not_stop_the_start(
    filled: Outbox, make_outbox: MakeOutbox
) -> None:
    filled.path.with_name("outbox.db.recover").write_bytes(b"")
    outbox = make_outbox()
    assert outbox.recovery is None
    assert outbox.stats().entries > 0


def test_a_recovery_that_the_disk_refuses_to_read_is_tried_again(
    filled: Outbox, make_outbox: MakeOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled.path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 4096)

    def refuses(kept: Path, after: int) -> Slice:
        del kept, after
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(recover, "read_slice", refuses)
    outbox = make_outbox()
    assert outbox.stats().recovering
    assert "full" in outbox.stats().trouble
    monkeypatch.setattr(recover, "read_slice", read_slice)
    for _ in range(9):
        outbox.commit()
    assert not outbox.stats().recovering
    assert outbox.recovery is not None
    assert outbox.recovery.entries > 300
    assert outbox.pending(Lane.RAW)
