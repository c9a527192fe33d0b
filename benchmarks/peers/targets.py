"""What this gateway must reach, held against a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from benchmarks.peers.results import Books, Outage, Rush, Steady

_CPU_SHARE = 1 / 8
_DEVICE_BYTES = 20.0
_WIRE_BYTES = 6.0
_RSS_MB = 60.0
_RSS_GROWTH_MB = 5.0
_RUSH_HZ = 60_000.0
_DRAIN_HZ = 100_000.0
_LATE_S = 2.0

_Kind = TypeVar("_Kind")

Results = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, what was measured, and whether that is enough."""

    target: str
    measured: str
    is_met: bool


def verdicts(results: Results) -> list[Verdict]:
    """All that can be said of this run; a scenario that was not run says nothing."""
    return [*_steady(results), *_rush(results), *_outage(results), *_books(results)]


def _steady(results: Results) -> Iterator[Verdict]:
    ours = _of(results, "steady", "ours", Steady)
    if ours is None:
        return
    theirs = _of(results, "steady", "thingsboard", Steady)
    if theirs is not None:
        share = ours.cpu_s / theirs.cpu_s
        yield Verdict(
            "steady: CPU a reading at most 1/8 of thingsboard-gateway's",
            f"1/{1 / share:.1f} ({ours.cpu_s:.2f} to {theirs.cpu_s:.2f} s per 100,000)",
            share <= _CPU_SHARE,
        )
    counted = ours.written_bytes if ours.device_bytes is None else ours.device_bytes
    how = "the process's own count" if ours.device_bytes is None else "on the device"
    yield Verdict(
        f"steady: at most {_DEVICE_BYTES:g} B written a reading",
        f"{counted:.1f} B {how}",
        counted <= _DEVICE_BYTES,
    )
    yield Verdict(
        f"steady: at most {_WIRE_BYTES:g} B a reading on the wire",
        f"{ours.wire_up_bytes:.2f} B, {1 / ours.messages:,.0f} readings a message",
        ours.wire_up_bytes <= _WIRE_BYTES,
    )
    yield Verdict(
        f"steady: at most {_RSS_MB:g} MB resident",
        f"{ours.rss_peak_mb:.1f} MB",
        ours.rss_peak_mb <= _RSS_MB,
    )


def _rush(results: Results) -> Iterator[Verdict]:
    ours = _of(results, "rush", "ours", Rush)
    if ours is not None:
        yield Verdict(
            f"flat out: at least {_RUSH_HZ:,.0f} readings a second, durable and delivered",
            f"{ours.accepted_hz:,.0f} accepted, {ours.delivered_hz:,.0f} delivered; "
            f"{ours.foreign_cores:.1f} cores were taken by others",
            min(ours.accepted_hz, ours.delivered_hz) >= _RUSH_HZ,
        )


def _outage(results: Results) -> Iterator[Verdict]:
    ours = _of(results, "outage", "ours", Outage)
    if ours is not None:
        growth = max(ours.rss_mb) - ours.rss_mb[0]
        yield Verdict(
            f"backlog: memory flat within {_RSS_GROWTH_MB:g} MB, and below {_RSS_MB:g} MB",
            f"+{growth:.1f} MB from 0 to {ours.backlog:,} readings, {ours.rss_peak_mb:.1f} at most",
            growth <= _RSS_GROWTH_MB and ours.rss_peak_mb <= _RSS_MB,
        )
        yield Verdict(
            f"drain: at least {_DRAIN_HZ:,.0f} a second",
            f"{ours.drain_hz:,.0f} of {ours.backlog:,}; "
            f"{ours.foreign_cores:.1f} cores were taken by others",
            ours.drain_hz >= _DRAIN_HZ,
        )
        yield Verdict(
            f"drain: live at most {_LATE_S:g} s late, since accepted",
            f"{ours.late_accepted_most_s:.2f} s",
            ours.late_accepted_most_s <= _LATE_S,
        )
    for name, interval in (("ours", "default commit interval"), ("ours-1s", "1 s interval")):
        found = _of(results, "outage", name, Outage)
        if found is not None:
            yield Verdict(
                f"drain: live at most {_LATE_S:g} s late, since handed in, {interval}",
                f"{found.late_most_s:.2f} s",
                found.late_most_s <= _LATE_S,
            )


def _books(results: Results) -> Iterator[Verdict]:
    books = [
        cast("Books", result.books)
        for row in results.values()
        for name, result in row.items()
        if name.startswith("ours") and not isinstance(result, str)
    ]
    if books:
        handed = sum(book.handed for book in books)
        lost = sum(book.lost for book in books)
        duplicated = sum(book.duplicated for book in books)
        disordered = sum(book.disordered for book in books)
        strange = sum(book.strange for book in books)
        yield Verdict(
            "all runs: nothing lost, duplicated after the key, or out of order",
            f"{lost} lost, {duplicated} duplicated, {disordered} out of order, "
            f"{strange} strange, of {handed:,}",
            not (lost or duplicated or disordered or strange),
        )


def _of(results: Results, scenario: str, peer: str, kind: type[_Kind]) -> _Kind | None:
    found = results.get(scenario, {}).get(peer)
    return found if isinstance(found, kind) else None
