"""What has to be in a store after a scene, however it ended, and what is in it."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from campaigns.numbered import numbers_of, stood_for
from campaigns.scenes import STORE, Scene
from campaigns.stage import STORE_ERRORS, Line
from edge_gateway.outbox import Outbox, OutboxReader, StoredBlock, decode
from edge_gateway.outbox.quota import THINNED
from edge_gateway.reading import Entry, Event, Lane

TOLD = re.compile(r"(\d+) entries in \d+ blocks (given up|thinned)")
MOST_SLICES = 50
DATA_LANES = (Lane.COUNTS, Lane.SUMMARIES, Lane.RAW)


@dataclass(slots=True)
class Findings:
    """What is wrong: counts of readings, and sentences for what has no count."""

    lost: int = 0
    duplicated: int = 0
    disordered: int = 0
    wrong: list[str] = field(default_factory=list[str])

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.disordered or self.wrong)

    def add(self, other: Findings) -> None:
        """Take over what another found."""
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.disordered += other.disordered
        self.wrong += other.wrong

    def __str__(self) -> str:
        counts = f"{self.lost} lost, {self.duplicated} duplicated, {self.disordered} out of order"
        return "; ".join((counts, *self.wrong))


Before = Mapping[str, tuple[int, ...]]
"""What a prepared store held, as far as it can be read: the numbers of each block by its key."""


def before(folder: Path) -> Before:
    """Look at a prepared store."""
    path = folder / STORE
    if not path.exists():
        return {}
    # A reader beside a log makes an index: it is done on a copy, not on what is to be tested.
    copy = folder.with_name(folder.name + "-looked-at")
    shutil.copytree(path.parent, copy)
    try:
        with OutboxReader(copy / path.name) as reader:
            return {
                block.key: tuple(numbers_of([block]))
                for lane in DATA_LANES
                for block in reader.blocks(lane)
            }
    finally:
        shutil.rmtree(copy)


def look(scene: Scene, folder: Path, said: Sequence[Line], known: Before) -> Findings:
    """Open the store as the next start would, and hold it against what was said."""
    findings = Findings()
    try:
        outbox = scene.reopen(folder)
    except STORE_ERRORS as error:
        findings.wrong.append(f"does not start: {type(error).__name__}: {error}")
        return findings
    try:
        for _ in range(MOST_SLICES):
            if not outbox.stats().recovering:
                break
            outbox.commit()
        else:
            findings.wrong.append(f"the recovery does not end: {outbox.stats().trouble}")
        trouble = outbox.commit().trouble
        if trouble:
            findings.wrong.append(f"cannot commit: {trouble}")
        if scene.is_full:
            _full(outbox, said, findings)
        else:
            for consumer in scene.consumers:
                _whole(outbox, consumer, said, known, findings)
    finally:
        outbox.close()
    return findings


def on_account(path: Path) -> dict[str, int]:
    """What is written down as given up or thinned and not yet told by an event."""
    told = {"given up": 0, "thinned": 0}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        for cause, entries in store.execute("SELECT cause, entries FROM losses"):
            told["thinned" if cause == THINNED else "given up"] += entries
    return told


def _whole(
    outbox: Outbox, consumer: str, said: Sequence[Line], known: Before, findings: Findings
) -> None:
    """Nothing was to be given up: all that was durable and not removed is there, once, in order."""
    removing = {str(line[2]): line[3:] for line in said if line[:2] == ["removing", consumer]}
    kept: set[int] = set()
    for lane in DATA_LANES:
        blocks = outbox.pending(lane, limit=1_000_000, consumer=consumer)
        numbers = numbers_of(blocks)
        findings.duplicated += len(numbers) - len(set(numbers)) + len(kept & set(numbers))
        findings.disordered += _inversions(numbers)
        findings.wrong += _changed_keys(blocks, known, removing)
        kept.update(numbers)
    gone = set(_spans(removing.values()))
    had = {number for key, numbers in known.items() if key not in removing for number in numbers}
    durable = _last(said, "durable")
    offered = max((number for numbers in known.values() for number in numbers), default=-1) + 1
    due = had | set(range(offered, durable)) - gone
    findings.lost += len(due - kept)
    strange = [number for number in kept if number >= max(_last(said, "offered"), offered)]
    if strange:
        findings.wrong.append(f"{len(strange)} readings that nobody gave")


def _full(outbox: Outbox, said: Sequence[Line], findings: Findings) -> None:
    """Samples were given up or thinned: what is there and what is told add up to what was given."""
    told = on_account(outbox.path)
    spans: list[tuple[int, int, int]] = []
    for lane in Lane:
        numbers: list[int] = []
        for entry in _entries(outbox.pending(lane, limit=1_000_000)):
            if isinstance(entry, Event):
                found = TOLD.match(entry.text)
                if found is not None:
                    told[found[2]] += int(found[1])
                continue
            spans.append(stood_for(entry))
            numbers.append(spans[-1][0])
        findings.disordered += _inversions(numbers)
    spans.sort()
    newest = max((last for _, last, _ in spans), default=-1)
    findings.duplicated += sum(after[0] <= first[1] for first, after in pairwise(spans))
    findings.lost += max(_last(said, "durable") - newest - 1, 0)
    present = sum(count for _, _, count in spans)
    missing = newest + 1 - present - told["given up"]
    if missing:
        findings.wrong.append(
            f"{newest + 1} given, {present} there, {told['given up']} told as lost: "
            f"{missing} unaccounted for"
        )
    summed = sum(count for first, last, count in spans if first != last)
    if summed > told["thinned"]:
        findings.wrong.append(f"{summed} thinned, {told['thinned']} told as thinned")


def _entries(blocks: Iterable[StoredBlock]) -> Iterator[Entry]:
    for block in blocks:
        yield from decode(block.payload)


def _changed_keys(
    blocks: Sequence[StoredBlock], known: Before, removing: Mapping[str, Sequence[str | int]]
) -> Iterator[str]:
    """A key that was seen before stands for the same readings as ever."""
    for block in blocks:
        numbers = tuple(numbers_of([block]))
        if known.get(block.key, numbers) != numbers:
            yield f"the key {block.key} stands for other readings than before"
        seen = removing.get(block.key)
        if seen is not None and [numbers[0], numbers[-1], len(numbers)] != list(seen):
            yield f"the key {block.key} stands for other readings than were delivered"


def _spans(removed: Iterable[Sequence[str | int]]) -> Iterator[int]:
    # Every second number is of the same lane.
    for first, last, _ in removed:
        yield from range(int(first), int(last) + 1, 2)


def _inversions(numbers: Sequence[int]) -> int:
    return sum(later < earlier for earlier, later in pairwise(numbers))


def _last(said: Sequence[Line], word: str) -> int:
    return max((int(line[1]) for line in said if line[0] == word), default=0)
