"""`edge-gateway outbox export`: all that a store holds, to a file or to stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isnan
from pathlib import Path
from typing import Final, TextIO

from edge_gateway.cli.outbox import blocks
from edge_gateway.cli.outbox.place import Place
from edge_gateway.cli.tail_pages import CsvPage, JsonPage, event_row, reading_row
from edge_gateway.cli.terminal import CommandError, Exit, err, progress
from edge_gateway.clock import Clock
from edge_gateway.outbox import BadBlock, BootClock, OutboxError, OutboxReader, StoredBlock, decode
from edge_gateway.outbox.columns import to_columns
from edge_gateway.reading import Entry, Event, Lane, Measurand, Reading
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating, date
from edge_gateway.uplink.consumer import Received, ReceivedEvent
from edge_gateway.uplink.payloads import senml

FORMATS: Final = ("csv", "jsonl", "senml")

_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_UNIX_S = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is exported. `since_unix_s`: entries of that time and later, and undated ones."""

    lanes: Sequence[Lane]
    form: str
    gateway: str
    since_unix_s: float | None = None


@dataclass(slots=True)
class Sum:
    """What was exported: entries, those of them without a date, and blocks no one can read."""

    entries: int = 0
    undated: int = 0
    unreadable: int = 0

    def __str__(self) -> str:
        said = f"{self.entries} entries"
        if self.undated:
            said += f", {self.undated} of them without a date"
        if self.unreadable:
            said += f"; {self.unreadable} blocks cannot be read"
        return said


def export(place: Place, clock: Clock, wish: Wish, target: Path | None, *, force: bool) -> Exit:
    """Write them; exit code 1 when a block could not be read. Raises OutboxError, CommandError."""
    if wish.form == "senml" and not wish.gateway:
        raise CommandError(
            "SenML names the gateway: give --config, or its id with --gateway", Exit.USAGE
        )
    learnt = _clocks(place.store)
    result = Sum()
    size_kb = place.store.stat().st_size / 1000
    shows_progress = target is not None or sys.stderr.isatty()
    with ExitStack() as stack:
        stream = stack.enter_context(_opened(target, force=force))
        write = _writer(wish, stream)
        bar = stack.enter_context(
            progress("exporting", size_kb, "kB") if shows_progress else nullcontext()
        )
        for found in blocks.of(place.store, wish.lanes):
            _export(found.block, date(found.block, clock, learnt), wish, write, result)
            if bar is not None:
                bar.update(found.share * size_kb)
    where = f" to {target}" if target is not None else ""
    if shows_progress or result.unreadable or result.undated:
        err().print(f"{result}{where}", markup=False)
    return Exit.FAILED if result.unreadable else Exit.DONE


def since(text: str, now_unix_s: float) -> float:
    """`2h`, `30m`, `1d` before now, or a date in ISO 8601, UTC where it says no offset.

    Raises ValueError.
    """
    unit_s = _UNITS_S.get(text[-1:])
    if unit_s is not None and text[:-1].replace(".", "", 1).isdigit():
        return now_unix_s - float(text[:-1]) * unit_s
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _UNIX_S) / timedelta(seconds=1)


_Write = Callable[[StoredBlock, Dates, Sequence[Entry]], None]


def _export(block: StoredBlock, dates: Dates, wish: Wish, write: _Write, result: Sum) -> None:
    # What is relative to a sending means nothing in a file.
    if dates.dating is Dating.UNSET:
        dates = Dates(Dating.UNSET, None)
    try:
        entries: Sequence[Entry] = decode(block.payload)
    except BadBlock:
        result.unreadable += 1
        return
    if dates.offset_us is None:
        result.undated += len(entries)
    elif wish.since_unix_s is not None:
        first_us = wish.since_unix_s * 1e6 - dates.offset_us
        entries = [entry for entry in entries if entry.at.monotonic_ns // 1000 >= first_us]
    if entries:
        result.entries += len(entries)
        write(block, dates, entries)


def _writer(wish: Wish, stream: TextIO) -> _Write:
    if wish.form == "senml":
        return _packs(wish.gateway, stream)
    page = CsvPage(stream) if wish.form == "csv" else JsonPage(stream)

    def write(block: StoredBlock, dates: Dates, entries: Sequence[Entry]) -> None:
        for one in _as_received(block, dates, entries, wish.gateway):
            if isinstance(one, Received):
                page.write(reading_row(one, block.boot_id))
            else:
                page.write(event_row(one, block.boot_id))

    return write


def _packs(gateway: str, stream: TextIO) -> _Write:
    """One SenML pack a line."""

    def write(block: StoredBlock, dates: Dates, entries: Sequence[Entry]) -> None:
        columns = to_columns(entries)
        # In a pack, what has no date is of an unknown clock.
        known = dates if dates.offset_us is not None else Dates(Dating.UNKNOWN, None)
        batch = Batch(gateway, block.key, block.boot_id, Arrival.BACKFILL, known, columns)
        stream.write(senml.encode(batch).decode() + "\n")

    return write


def _as_received(
    block: StoredBlock, dates: Dates, entries: Sequence[Entry], gateway: str
) -> Iterator[Received | ReceivedEvent]:
    key = f"{gateway}/{block.key}" if gateway else block.key
    for entry in entries:
        us = entry.at.monotonic_ns // 1000
        times = (us / 1e6, None) if dates.offset_us is None else (None, us + dates.offset_us)
        since_boot_s, unix_us = times
        unix_s = None if unix_us is None else unix_us / 1e6
        last = (unix_s, since_boot_s, gateway, key, "", str(dates.dating))
        if isinstance(entry, Event):
            yield ReceivedEvent(entry.kind, entry.subject, entry.text, *last)
        else:
            yield _received(entry, last)


_Last = tuple[float | None, float | None, str, str, str, str]


def _received(entry: Reading, last: _Last) -> Received:
    what = entry.measurand
    return Received(
        _name(entry.device, what),
        entry.device,
        what.channel,
        str(what.quantity),
        str(what.statistic),
        what.window_s,
        what.quantity.nature.unit,
        None if isnan(entry.value) else entry.value,
        int(entry.flag),
        entry.reasons,
        entry.calibration_id,
        *last,
    )


@lru_cache(maxsize=4096)
def _name(device: str, measurand: Measurand) -> str:
    return senml.measurand_name(device, measurand)


def _clocks(path: Path) -> Callable[[str], BootClock | None]:
    try:
        with OutboxReader(path) as books:
            return dict(books.clocks).get
    except OutboxError:
        return lambda _: None


@contextmanager
def _opened(target: Path | None, *, force: bool) -> Generator[TextIO]:
    """Stdout, or a file that is whole when it appears."""
    if target is None:
        yield sys.stdout
        return
    if target.exists() and not force:
        raise CommandError(f"{target} is there already: name another file, or give --force")
    partial = target.with_name(f"{target.name}.partial")
    try:
        try:
            with partial.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(f"{target}: cannot be written: {error.strerror}") from error
