"""Readings that are numbers counting up, so that each can be found again wherever it went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import fmean

from edge_gateway.clock import SystemClock
from edge_gateway.outbox import ONLY_CONSUMER, Outbox, StoredBlock, decode
from edge_gateway.reading import (
    Entry,
    Event,
    Flag,
    Lane,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)

BOOT = "c0ffee0123456789abcdef0123456789"
STEP_NS = 100_000_000
DEVICE = "campaign"

COUNT = Measurand(Quantity.PEOPLE)
SAMPLE = Measurand(Quantity.NUMBER)
_MEAN = Measurand(Quantity.ILLUMINANCE, "", Statistic.MEAN, 60)
_NOISE = Measurand(Quantity.WIND_SPEED)


def readings(numbers: Iterable[int]) -> Iterator[Reading]:
    """The readings of these numbers: even ones in the lane of counts, odd ones in that of raw."""
    for number in numbers:
        at = Stamp(BOOT, number * STEP_NS)
        yield Reading(DEVICE, SAMPLE if number % 2 else COUNT, number, Flag.GOOD, at)


def samples(numbers: Iterable[int], random: Random) -> Iterator[Reading]:
    """Raw samples alone, whose values pack badly: their number is in their stamp."""
    for number in numbers:
        at = Stamp(BOOT, number * STEP_NS)
        yield Reading(DEVICE, _NOISE, random.uniform(0.0, 60.0), Flag.GOOD, at)


def number_of(entry: Entry) -> int:
    """The number of an entry."""
    return entry.at.monotonic_ns // STEP_NS


def numbers_of(blocks: Iterable[StoredBlock]) -> list[int]:
    """The numbers in blocks, in their order; events have none."""
    return [
        number_of(entry)
        for block in blocks
        for entry in decode(block.payload)
        if not isinstance(entry, Event)
    ]


def summary_of(taken: Sequence[Reading]) -> Iterator[Reading]:
    """Thins samples to one summary that says which numbers it stands for."""
    numbers = [number_of(sample) for sample in taken]
    span = (str(min(numbers)), str(max(numbers)), str(len(numbers)))
    value = fmean(sample.value for sample in taken)
    yield Reading(DEVICE, _MEAN, value, Flag.GOOD, taken[-1].at, span)


def stood_for(entry: Entry) -> tuple[int, int, int]:
    """First and last number that an entry of `samples` or `summary_of` holds, and how many."""
    if isinstance(entry, Reading) and entry.measurand.lane is Lane.SUMMARIES:
        first, last, count = (int(text) for text in entry.reasons)
        return first, last, count
    return number_of(entry), number_of(entry), 1


def open_outbox(
    folder: Path,
    *,
    quota_bytes: int = 64 << 20,
    consumers: Sequence[str] = (ONLY_CONSUMER,),
    thin: Callable[[Sequence[Reading]], Iterable[Reading]] | None = None,
) -> Outbox:
    """An outbox on the machine's clock, with a store id that differs from run to run."""
    return Outbox(
        folder / "outbox",
        clock=SystemClock(trusted=True),
        quota_bytes=quota_bytes,
        random=Random(str(folder)),  # noqa: S311 - the name of a store, no secret
        consumers=consumers,
        thin=thin,
    )
