"""A process that is killed at any moment loses nothing that `commit` had returned for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Lane

KILLS = 20

# Appends numbers from argv[2] on, commits a few at a time, and says what is committed; removes now
# and then what is oldest, and says so beforehand.
WORKER = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp

outbox = Outbox(Path(sys.argv[1]), clock=SystemClock(), quota_bytes=64 << 20, random=Random(1))
number, random = int(sys.argv[2]), Random(int(sys.argv[2]))
measurand = Measurand(Quantity.PEOPLE)
print("start", flush=True)
while True:
    upto = number + random.randrange(1, 30)
    outbox.append(
        Reading("dev", measurand, n, Flag.GOOD, Stamp("boot", n * 1_000_000))
        for n in range(number, upto)
    )
    assert outbox.commit().trouble == ""
    print("committed", upto, flush=True)
    number = upto
    if random.random() < 0.3:
        for block in outbox.pending(Lane.COUNTS):
            print("removed", decode(block.payload)[-1].at.monotonic_ns // 1_000_000 + 1, flush=True)
            outbox.remove([block.handle])
"""


def run_and_kill(folder: Path, start: int, lines_before_kill: int) -> tuple[int, int]:
    """The number up to which the worker had committed, and up to which it may have removed."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(folder), str(start)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    committed = removed = 0
    for count, line in enumerate(process.stdout):
        # From here on it is killed while it goes on working: at whatever moment that is.
        if count == lines_before_kill:
            process.kill()
        word, *number = line.split()
        committed = int(number[0]) if word == "committed" else committed
        removed = int(number[0]) if word == "removed" else removed
    process.wait()
    process.stdout.close()
    return committed, removed


def test_twenty_kills_lose_nothing_that_was_committed(
    tmp_path: Path, make_outbox: Callable[..., Outbox]
) -> None:
    random = Random(7)
    start, removed = 1, 1
    for _ in range(KILLS):
        committed, dropped = run_and_kill(tmp_path / "outbox", start, random.randrange(1, 60))
        start, removed = max(start, committed), max(removed, dropped)
        outbox = make_outbox()
        blocks = outbox.pending(Lane.COUNTS, limit=100_000)
        outbox.close()
        kept = [
            entry.at.monotonic_ns // 1_000_000
            for block in blocks
            for entry in decode(block.payload)
        ]
        assert outbox.recovery is None
        assert kept == sorted(set(kept))
        assert set(range(removed, start)) <= set(kept)
        # What the killed worker had committed and could not say any more counts as well.
        start = max(start, kept[-1] + 1) if kept else start
