"""`edge-gateway outbox stats`: how much waits, for whom, for how long there is room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeAlias

from edge_gateway.cli.outbox.dates import dated
from edge_gateway.cli.outbox.place import Place, consumers_of, user_of
from edge_gateway.cli.tail_pages import iso8601
from edge_gateway.cli.terminal import out, print_json
from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import OutboxReader, Recovery
from edge_gateway.outbox.account import sums
from edge_gateway.outbox.records import LANES_BY_PRIORITY, LaneStats
from edge_gateway.reading import Lane

Document: TypeAlias = dict[str, Any]

_KILO = 1000
_PREFIXES = ("", "k", "M", "G", "T")
_HOUR_S, _MINUTE_S, _DAYS_FROM_HOURS = 3600, 60, 48


def show(place: Place, clock: Clock, *, as_json: bool) -> None:
    """Print them. Raises OutboxError."""
    with OutboxReader(place.store) as books:
        document = describe(books, place, clock)
    if as_json:
        print_json(document)
    else:
        for line in _lines(document):
            out().print(line, markup=False)


def describe(books: OutboxReader, place: Place, clock: Clock) -> Document:
    """All that can be said, as one JSON document."""
    totals = books.stats()
    total, disk = sums(totals.values()), books.disk()
    block_bytes = max(disk.content_bytes - total.bytes, 0) / total.blocks if total.blocks else 0.0
    lanes = {
        str(lane): _lane(books, lane, totals.get(lane, LaneStats()), block_bytes, clock)
        for lane in LANES_BY_PRIORITY
    }
    rate = sum(lane["bytes_per_hour"] or 0.0 for lane in lanes.values())
    free = None if place.quota_bytes is None else place.quota_bytes - disk.content_bytes
    names = consumers_of(place, books.removed)
    return {
        "store": books.store,
        "file": str(place.store),
        "gateway": place.gateway or None,
        "in_use_by": user_of(place),
        **asdict(total),
        "lanes": lanes,
        "consumers": {name: asdict(left) for name, left in books.waiting(names).items()},
        "are_consumers_configured": bool(place.consumers),
        "disk": asdict(disk),
        "quota_bytes": place.quota_bytes,
        "bytes_per_hour": rate or None,
        "hours_left": free / rate if free is not None and rate else None,
        "newest_sequence": books.newest_sequence(),
        "losses_untold": [asdict(loss) for loss in books.losses()],
        "recovering": [_recovery(one) for one in books.recoveries()],
        "set_aside": [
            {"file": path.name, "bytes": path.stat().st_size} for path in place.set_aside()
        ],
    }


def in_bytes(size: float) -> str:
    """A number of bytes as a person reads it."""
    for prefix in _PREFIXES:
        if abs(size) < _KILO or prefix == _PREFIXES[-1]:
            return f"{size:.0f} B" if not prefix else f"{size:.1f} {prefix}B"
        size /= _KILO
    raise AssertionError


def in_time(seconds: float) -> str:
    """A span of time as a person reads it."""
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    hours = seconds / _HOUR_S
    return f"{hours:.1f} h" if hours < _DAYS_FROM_HOURS else f"{hours / 24:.1f} days"


def _lane(
    books: OutboxReader, lane: Lane, size: LaneStats, block_bytes: float, clock: Clock
) -> Document:
    rate = books.bytes_per_hour(lane, block_bytes) if size.blocks else None
    oldest = books.oldest(lane)
    taken = size.bytes + size.blocks * block_bytes
    unix_s = None if oldest is None else dated(clock, books.clock_of, *oldest)
    return {
        **asdict(size),
        "bytes_per_hour": rate,
        "hours": taken / rate if rate else None,
        "oldest": None if unix_s is None else iso8601(unix_s),
        "oldest_age_s": None if oldest is None else _age_s(books, clock, *oldest),
    }


def _recovery(one: Recovery) -> Document:
    return {
        "kept": one.kept_as.name,
        "cause": one.cause,
        "after": one.after,
        "blocks": one.blocks,
        "entries": one.entries,
    }


def _age_s(books: OutboxReader, clock: Clock, boot_id: str, first_us: int) -> float | None:
    now = clock.now()
    if boot_id == now.boot_id:
        return now.monotonic_ns / 1e9 - first_us / 1e6
    then, present = dated(clock, books.clock_of, boot_id, first_us), clock.wall(now)
    if then is None or present is None or present.state is ClockState.UNSET:
        return None
    return present.unix_ns / 1e9 - then


def _lines(document: Document) -> list[str]:
    user = document["in_use_by"]
    use = f"in use by process {user}" if user else "not in use"
    of = f" of gateway {document['gateway']}" if document["gateway"] else ""
    lines = [
        f"store {document['store']}{of}, {use}",
        document["file"],
        "",
        f"{'lane':<10} {'blocks':>8} {'entries':>10} {'bytes':>10} {'span':>10}  oldest",
    ]
    lines += [_lane_line(name, lane) for name, lane in document["lanes"].items()]
    lines.append(f"{'all':<10} {_sizes(document)}")
    lines.append("")
    lines += [
        f"waiting for {name}: {left['blocks']} blocks, {left['entries']} entries"
        for name, left in document["consumers"].items()
    ]
    if not document["are_consumers_configured"]:
        lines.append("whoever never removed anything is not known without --config")
    lines += _about_disk(document)
    lines += [
        f"lost, and not yet told: {loss['entries']} entries of {loss['lane']}: {loss['cause']}"
        for loss in document["losses_untold"]
    ]
    lines += [
        f"being recovered: {one['kept']} ({one['entries']} entries so far); the gateway goes on "
        "with it when it runs"
        for one in document["recovering"]
    ]
    lines += [
        f"set aside: {one['file']} ({in_bytes(one['bytes'])}); `edge-gateway outbox export "
        "--folder` that file shows what can be read of it; delete it when you do not need it"
        for one in document["set_aside"]
    ]
    return lines


def _lane_line(name: str, lane: Mapping[str, Any]) -> str:
    span = "-" if lane["hours"] is None else in_time(lane["hours"] * _HOUR_S)
    age_s = lane["oldest_age_s"]
    age = "" if age_s is None else f"{in_time(age_s)} ago"
    undated = "of a boot without a date" if lane["blocks"] and age_s is None else age
    return f"{name:<10} {_sizes(lane)} {span:>10}  {undated}".rstrip()


def _sizes(size: Mapping[str, Any]) -> str:
    return f"{size['blocks']:>8} {size['entries']:>10} {in_bytes(size['bytes']):>10}"


def _about_disk(document: Document) -> list[str]:
    disk, quota = document["disk"], document["quota_bytes"]
    of = "; the quota is in the configuration (--config)"
    if quota is not None:
        of = f" of {in_bytes(quota)} quota ({100 * disk['content_bytes'] / quota:.1f} %)"
    content, file, log = (in_bytes(size) for size in disk.values())
    lines = [f"disk: {content} content{of}; the file has {file} and its log {log}"]
    if document["hours_left"] is not None:
        lines.append(
            f"room: {in_time(document['hours_left'] * _HOUR_S)} at the present rate of "
            f"{in_bytes(document['bytes_per_hour'])} an hour"
        )
    return lines
