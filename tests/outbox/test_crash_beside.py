"""Kills at any moment, with two consumers that go their own ways, and while samples are thinned."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random

from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Lane, Reading

KILLS = 8

# Commits ten numbers at a time; two consumers remove what is oldest for them, out of step. What is
# said to be removed is said beforehand.
TWO_CONSUMERS = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp

outbox = Outbox(
    Path(sys.argv[1]), clock=SystemClock(), quota_bytes=64 << 20, random=Random(1),
    consumers=("main", "city"),
)
number, random = int(sys.argv[2]), Random(int(sys.argv[2]))
measurand = Measurand(Quantity.PEOPLE)
print("start 0", flush=True)
while True:
    outbox.append(
        Reading("dev", measurand, n, Flag.GOOD, Stamp("boot", n * 1_000_000))
        for n in range(number, number + 10)
    )
    assert outbox.commit().trouble == ""
    number += 10
    print("committed", number, flush=True)
    for name, share in (("main", 0.5), ("city", 0.3)):
        while random.random() < share:
            for block in outbox.pending(Lane.COUNTS, consumer=name):
                last = decode(block.payload)[-1].at.monotonic_ns // 1_000_000
                print(name, last + 1, flush=True)
                outbox.remove([block.handle], consumer=name)
"""

# Fills a small store with samples that must be thinned; each summary says which it stands for.
THINNING = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp, Statistic

def thin(samples):
    numbers = [sample.at.monotonic_ns // 100_000_000 for sample in samples]
    mean = Measurand(Quantity.WIND_SPEED, "", Statistic.MEAN, 60)
    at = Stamp("boot", samples[-1].at.monotonic_ns)
    span = (str(min(numbers)), str(max(numbers)), str(len(numbers)))
    yield Reading("dev", mean, 1.0, Flag.GOOD, at, span)

outbox = Outbox(
    Path(sys.argv[1]), clock=SystemClock(), quota_bytes=192 << 10, random=Random(1), thin=thin
)
number, random = int(sys.argv[2]), Random(int(sys.argv[2]))
measurand = Measurand(Quantity.WIND_SPEED)
print("start 0", flush=True)
while True:
    outbox.append(
        Reading("dev", measurand, random.uniform(0, 60), Flag.GOOD, Stamp("boot", n * 100_000_000))
        for n in range(number, number + 900)
    )
    assert outbox.commit().trouble == ""
    number += 900
    print("committed", number, flush=True)
"""


def run_and_kill(program: str, folder: Path, start: int, lines: int) -> dict[str, int]:
    """The last number said under each word."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder), str(start)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: dict[str, int] = {}
    for count, line in enumerate(process.stdout):
        # From here on it is killed while it goes on working: at whatever moment that is.
        if count == lines:
            process.kill()
        if not line.endswith("\n"):
            break  # its last word, cut off by the kill
        word, number = line.split()
        said[word] = max(said.get(word, 0), int(number))
    process.wait()
    process.stdout.close()
    return said


def numbers(outbox: Outbox, consumer: str) -> list[int]:
    blocks = outbox.pending(Lane.COUNTS, limit=100_000, consumer=consumer)
    return [
        entry.at.monotonic_ns // 1_000_000 for block in blocks for entry in decode(block.payload)
    ]


def test_neither_of_two_consumers_loses_anything_to_a_kill(
    tmp_path: Path, make_outbox: Callable[..., Outbox]
) -> None:
    random = Random(7)
    start, removed = 1, {"main": 1, "city": 1}
    for _ in range(KILLS):
        said = run_and_kill(TWO_CONSUMERS, tmp_path / "outbox", start, random.randrange(5, 200))
        start = max(start, said.get("committed", 0))
        outbox = make_outbox(consumers=("main", "city"))
        assert outbox.recovery is None
        for name, before in removed.items():
            removed[name] = max(before, said.get(name, 0))
            kept = numbers(outbox, name)
            assert kept == sorted(set(kept))
            assert set(range(removed[name], start)) <= set(kept)
            start = max(start, kept[-1] + 1) if kept else start
        outbox.close()


def covered(outbox: Outbox) -> Iterator[tuple[int, int]]:
    """First and last number of each sample that is kept and of each summary."""
    for lane in (Lane.SUMMARIES, Lane.RAW):
        for block in outbox.pending(lane, limit=100_000):
            for entry in decode(block.payload):
                assert isinstance(entry, Reading)
                if lane is Lane.RAW:
                    number = entry.at.monotonic_ns // 100_000_000
                    yield number, number
                else:
                    first, last, count = (int(text) for text in entry.reasons)
                    assert count == last - first + 1
                    yield first, last


def test_a_kill_while_thinning_leaves_each_sample_in_one_place(
    tmp_path: Path, make_outbox: Callable[..., Outbox]
) -> None:
    random = Random(9)
    start = 6000
    spans: list[tuple[int, int]] = []
    for run in range(KILLS):
        # The first run fills the store; the others find it full.
        lines = random.randrange(70, 110) if run == 0 else random.randrange(1, 40)
        said = run_and_kill(THINNING, tmp_path / "outbox", start, lines)
        start = max(start, said.get("committed", 0))
        outbox = make_outbox(192 << 10)
        assert outbox.recovery is None
        spans = sorted(covered(outbox))
        outbox.close()
        assert spans[0][0] == 6000
        assert all(after[0] == before[1] + 1 for before, after in pairwise(spans))
        assert spans[-1][1] + 1 >= start
        start = spans[-1][1] + 1
    assert any(first != last for first, last in spans)
