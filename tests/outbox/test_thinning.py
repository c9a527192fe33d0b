"""A full outbox turns its oldest samples into summaries before it drops anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pytest

from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import (
    Event,
    Flag,
    Lane,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)

if TYPE_CHECKING:
    from conftest import StillClock

MakeOutbox = Callable[..., Outbox]
BOOT = "0123456789abcdef0123456789abcdef"
QUOTA = 192 << 10
WIND = Measurand(Quantity.WIND_SPEED)
MEAN = Measurand(Quantity.WIND_SPEED, "", Statistic.MEAN, 60)
# A commit of the test holds 10 s at 60 Hz: 600 readings that zlib finds little in, some 2 kB.
COMMIT_S = 10
RATE = 60


def minutes(samples: Sequence[Reading]) -> Iterable[Reading]:
    """Means of one minute, stamped at its end, with the number of samples as their reason."""
    windows: dict[int, list[float]] = {}
    for sample in samples:
        windows.setdefault(sample.at.monotonic_ns // (60 * 10**9), []).append(sample.value)
    for minute, values in windows.items():
        at = Stamp(BOOT, (minute + 1) * 60 * 10**9)
        mean = sum(values) / len(values)
        yield Reading("dev", MEAN, mean, Flag.GOOD, at, (str(len(values)),))


def give(outbox: Outbox, commits: int, start: int = 0) -> int:
    """Commit so often; the number of samples given."""
    random = Random(start)
    for commit in range(start, start + commits):
        outbox.append(
            Reading(
                "dev",
                WIND,
                random.uniform(0, 60),
                Flag.GOOD,
                Stamp(BOOT, int((commit * COMMIT_S + 3.3 + place / RATE) * 1e9)),
            )
            for place in range(COMMIT_S * RATE)
        )
        assert outbox.commit().trouble == ""
    return commits * COMMIT_S * RATE


def kept(outbox: Outbox, lane: Lane, consumer: str = "main") -> list[Reading]:
    blocks = outbox.pending(lane, limit=100_000, consumer=consumer)
    entries = [entry for block in blocks for entry in decode(block.payload)]
    return [entry for entry in entries if isinstance(entry, Reading)]


def events(outbox: Outbox, kind: str) -> list[Event]:
    blocks = outbox.pending(Lane.EVENTS, limit=1000)
    entries = [entry for block in blocks for entry in decode(block.payload)]
    return [entry for entry in entries if isinstance(entry, Event) and entry.kind == kind]


@dataclass(frozen=True)
class Full:
    """An outbox that has thinned; tests only look at it."""

    outbox: Outbox
    given: int
    epochs: tuple[int, int]
    """Before it was full, and since."""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, still_clock: type[StillClock]) -> Iterator[Full]:
    outbox = Outbox(
        tmp_path_factory.mktemp("thinned") / "outbox",
        clock=still_clock(),
        quota_bytes=QUOTA,
        random=Random(1),
        thin=minutes,
    )
    given = give(outbox, 10)
    before = outbox.backlog_epoch
    given += give(outbox, 110, 10)
    yield Full(outbox, given, (before, outbox.backlog_epoch))
    outbox.close()


def test_the_oldest_samples_give_way_to_whole_minutes(full: Full) -> None:
    summaries = kept(full.outbox, Lane.SUMMARIES)
    # The first minute begins with the first sample at 3.3 s; no other is torn by a block's edge.
    counts = [int(summary.reasons[0]) for summary in summaries]
    assert counts[0] == (60 - 3.3) * RATE
    assert set(counts[1:]) == {60 * RATE}
    assert [summary.at.monotonic_ns // (60 * 10**9) for summary in summaries] == list(
        range(1, len(summaries) + 1)
    )


def test_every_sample_is_kept_or_in_one_summary(full: Full) -> None:
    outbox = full.outbox
    summed = sum(int(summary.reasons[0]) for summary in kept(outbox, Lane.SUMMARIES))
    raw = kept(outbox, Lane.RAW)
    assert summed + len(raw) == full.given
    assert outbox.stats().lost == 0
    assert outbox.stats().thinned == summed
    stamps = [sample.at.monotonic_ns for sample in raw]
    assert stamps == sorted(set(stamps))


def test_what_was_thinned_is_an_event_with_count_and_span(
    make_outbox: MakeOutbox, clock: StillClock
) -> None:
    outbox = make_outbox(QUOTA, thin=minutes)
    give(outbox, 120)
    clock.now_s += 601
    outbox.commit()
    told = events(outbox, "thinned")
    assert sum(int(event.text.split()[0]) for event in told) == outbox.stats().thinned
    assert re.fullmatch(
        r"\d+ entries in \d+ blocks thinned, taken from 3\.\d{3} s after the start of boot "
        rf"{BOOT} to \d+\.\d{{3}} s after the start of boot {BOOT}: the outbox was full; "
        "summaries took their place",
        told[0].text,
    )
    assert events(outbox, "loss") == []


def test_a_summary_has_the_place_and_key_of_the_first_block_it_is_made_of(full: Full) -> None:
    first = full.outbox.pending(Lane.SUMMARIES)[0]
    assert first.handle.sequence == 1
    assert first.key == f"{full.outbox.store}/1"


def test_whoever_reads_by_position_learns_that_older_blocks_came(full: Full) -> None:
    before, since = full.epochs
    assert since > before == 0


def test_a_consumer_that_had_read_all_summaries_gets_those_of_thinned_samples(
    make_outbox: MakeOutbox,
) -> None:
    outbox = make_outbox(QUOTA, consumers=("main", "city"), thin=minutes)
    give(outbox, 5)
    # Summaries on both sides of the samples' places, removed by one: its range spans them.
    for number in range(2):
        at = Stamp(BOOT, number)
        outbox.append([Reading("dev", MEAN, 1.0, Flag.GOOD, at, ("1",))])
        outbox.commit()
        give(outbox, 5, 5 + number * 5)
    done = outbox.pending(Lane.SUMMARIES, limit=9, consumer="city")
    outbox.remove([block.handle for block in done], consumer="city")
    give(outbox, 110, 15)
    summed = [int(one.reasons[0]) for one in kept(outbox, Lane.SUMMARIES, "city")]
    assert sum(summed) == outbox.stats().thinned > 0


def test_what_thins_to_nothing_smaller_is_dropped_instead(make_outbox: MakeOutbox) -> None:
    def useless(samples: Sequence[Reading]) -> Iterable[Reading]:
        for sample in samples:
            yield Reading("dev", MEAN, sample.value, Flag.GOOD, sample.at)

    outbox = make_outbox(QUOTA, thin=useless)
    given = give(outbox, 100)
    assert outbox.stats().thinned == 0
    assert outbox.stats().lost + len(kept(outbox, Lane.RAW)) == given


def test_where_all_samples_are_thinned_the_oldest_summaries_go(
    make_outbox: MakeOutbox, clock: StillClock
) -> None:
    def large(samples: Sequence[Reading]) -> Iterable[Reading]:
        random = Random(len(samples))
        for sample in samples[::4]:
            yield Reading("dev", MEAN, random.uniform(0, 75), Flag.GOOD, sample.at)

    outbox = make_outbox(QUOTA, thin=large)
    give(outbox, 250)
    stats = outbox.stats()
    assert stats.disk_bytes <= QUOTA
    assert stats.lost > 0
    assert stats.thinned > 0
    clock.now_s += 601
    outbox.commit()
    assert {event.subject for event in events(outbox, "loss")} <= {"summaries", "raw"}
    assert events(outbox, "loss")


def test_a_full_store_of_other_lanes_is_left_to_the_old_rule(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(QUOTA, thin=minutes)
    random = Random(1)
    for number in range(20):
        outbox.append(
            Reading("gate", Measurand(Quantity.PEOPLE), random.randrange(10**6), Flag.GOOD, at)
            for at in (Stamp(BOOT, (number * 4000 + n) * 10**6) for n in range(4000))
        )
        outbox.commit()
    stats = outbox.stats()
    assert stats.lost + stats.lanes[Lane.COUNTS].entries == 80_000
    assert stats.lost > 0
