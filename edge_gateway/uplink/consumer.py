"""For consumers: from the bytes of a message back to readings. Standard library only.

for pack in decode_all(payload):
    if seen.first(pack.key):
        for reading in pack.readings: ...
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge_gateway.uplink.rfc8428 import BadPack, Record, parse, resolve

__all__ = [
    "BadPack",
    "Pack",
    "Received",
    "ReceivedEvent",
    "Seen",
    "decode",
    "decode_all",
    "split_name",
]

GOOD, MISSING = 1, 9

# RFC 8428 section 4.5.3: a time below this is relative to now, above it a date.
RELATIVE_BELOW_S = 1 << 28

_ROOT = re.compile(r"urn:dev:ops:([^:]+):(.+)", re.DOTALL)
_WINDOW = re.compile(r"(.+)\.([a-z]+)_(\d+)s")
_NOTES = ("qc", "why", "cal")


@dataclass(frozen=True, slots=True)
class Received:
    """One reading. `value` is None where it is missing; `flag` is QARTOD's 1, 2, 3, 4 or 9.

    `unix_s` is None where the gateway had no date to give: then `since_boot_s` counts from the
    start of boot `boot_id` of the pack. Both are the end of the window, `window_s` 0 a sample.
    """

    name: str
    device: str
    channel: str
    quantity: str
    statistic: str
    window_s: int
    unit: str
    value: float | None
    flag: int
    reasons: tuple[str, ...]
    calibration_id: str
    unix_s: float | None
    since_boot_s: float | None
    gateway: str
    key: str
    arrival: str
    clock: str


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """One event of the gateway; times as in `Received`."""

    kind: str
    subject: str
    text: str
    unix_s: float | None
    since_boot_s: float | None
    gateway: str
    key: str
    arrival: str
    clock: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One block. `key` is GATEWAY/STORE/SEQUENCE[.PART]: a key seen before is a repetition.

    `before_unix_s`: of readings without a date, a date they are all older than, where one is known.
    """

    gateway: str
    key: str
    arrival: str
    clock: str
    boot_id: str
    readings: tuple[Received, ...]
    events: tuple[ReceivedEvent, ...]
    before_unix_s: float | None = None


class Seen:
    """Remembers the keys of the last `limit` blocks."""

    def __init__(self, limit: int = 100_000) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._limit = limit

    def first(self, key: str) -> bool:
        """Whether this is the first time that `key` comes; a part of a block seen whole is not."""
        whole, _, sequence = key.rpartition("/")
        numbers = sequence.split(".")
        for count in range(1, len(numbers) + 1):
            known = f"{whole}/{'.'.join(numbers[:count])}" if whole else key
            if known in self._keys:
                self._keys.move_to_end(known)
                return False
        self._keys[key] = None
        if len(self._keys) > self._limit:
            self._keys.popitem(last=False)
        return True


def decode(payload: bytes, *, received_unix_s: float | None = None) -> Pack:
    """The same of a message that holds one block, as live ones do. Raises BadPack for others."""
    packs = decode_all(payload, received_unix_s=received_unix_s)
    if len(packs) != 1:
        raise BadPack(f"the message holds {len(packs)} blocks, each with its key: use decode_all")
    return packs[0]


def decode_all(payload: bytes, *, received_unix_s: float | None = None) -> tuple[Pack, ...]:
    """Decode one message, gzip or not, of one block or several. Raises BadPack.

    `received_unix_s`: when it came, to date what a gateway with an unset clock could only give
    relative to the sending; without it such readings have no `unix_s`.
    """
    records = list(resolve(parse(payload)))
    root = _ROOT.fullmatch(records[0].name) if records else None
    if root is None or root[2] != "batch":
        raise BadPack(_NOT_OURS)
    gateway: str = root[1]
    starts = [place for place, record in enumerate(records) if record.name == root.group()]
    return tuple(
        _block(gateway, records[start:end], received_unix_s)
        for start, end in zip(starts, [*starts[1:], len(records)], strict=True)
    )


_NOT_OURS = "the first record is not the batch record of an edge gateway"


def _block(gateway: str, records: Sequence[Record], received_unix_s: float | None) -> Pack:
    head = records[0].text
    if head is None or head.count("/") != 3:  # noqa: PLR2004
        raise BadPack(_NOT_OURS)
    store, sequence, arrival, clock = head.split("/")
    key = f"{gateway}/{store}/{sequence}"
    envelope = _Envelope(gateway, key, arrival, clock, received_unix_s)
    boot_id, before = "", None
    events: list[ReceivedEvent] = []
    series: dict[str, _Series] = {}
    for record in records[1:]:
        name = record.name.removeprefix(f"urn:dev:ops:{gateway}:")
        if name == "boot":
            boot_id = record.text or ""
        elif name == "before":
            before = record.value
        elif name.startswith("event:") and record.text is not None:
            events.append(_event(record, name, envelope))
        else:
            measurand, _, note = name.rpartition(".")
            if note not in _NOTES:
                measurand, note = name, ""
            series.setdefault(measurand, _Series(measurand)).add(record, note)
    readings = tuple(reading for one in series.values() for reading in one.readings(envelope))
    return Pack(gateway, key, arrival, clock, boot_id, readings, tuple(events), before)


@dataclass(frozen=True, slots=True)
class _Envelope:
    gateway: str
    key: str
    arrival: str
    clock: str
    received_unix_s: float | None

    def times(self, record: Record) -> tuple[float | None, float | None]:
        """`unix_s` and `since_boot_s` of a record."""
        if self.clock == "unknown":
            return None, record.since_boot_s
        if record.time_s >= RELATIVE_BELOW_S:
            return record.time_s, None
        if self.received_unix_s is None:
            return None, None
        return self.received_unix_s + record.time_s, None


class _Series:
    """The records of one measurand, joined by their times in microseconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._values: dict[int, Record] = {}
        self._flags: dict[int, Record] = {}
        self._reasons: dict[int, str] = {}
        self._calibrations: list[tuple[int, str]] = []

    def add(self, record: Record, note: str) -> None:
        since = record.since_boot_s
        time_us = round((record.time_s if since is None else since) * 1e6)
        if note == "qc":
            self._flags[time_us] = record
        elif note == "why":
            self._reasons[time_us] = record.text or ""
        elif note == "cal":
            self._calibrations.append((time_us, record.text or ""))
        else:
            self._values[time_us] = record

    def readings(self, envelope: _Envelope) -> Iterator[Received]:
        device, channel, quantity, statistic, window_s = split_name(self._name)
        for time_us in sorted(self._values.keys() | self._flags.keys()):
            value, flag = self._values.get(time_us), self._flags.get(time_us)
            record = value or flag
            if record is None:
                continue
            reasons = self._reasons.get(time_us, "")
            yield Received(
                self._name,
                device,
                channel,
                quantity,
                statistic,
                window_s,
                (value.unit if value else None) or "",
                value.value if value else None,
                GOOD if flag is None or flag.value is None else int(flag.value),
                tuple(reasons.split(",")) if reasons else (),
                self._calibration(time_us),
                *envelope.times(record),
                envelope.gateway,
                envelope.key,
                envelope.arrival,
                envelope.clock,
            )

    def _calibration(self, time_us: int) -> str:
        found = ""
        for since_us, calibration_id in sorted(self._calibrations):
            if since_us <= time_us:
                found = calibration_id
        return found


def split_name(name: str) -> tuple[str, str, str, str, int]:
    """DEVICE:[CHANNEL:]QUANTITY[.STATISTIC_WINDOWs] into its five parts."""
    window = _WINDOW.fullmatch(name)
    statistic, window_s = ("sample", 0) if window is None else (window[2], int(window[3]))
    head, _, quantity = (name if window is None else window[1]).rpartition(":")
    device, _, channel = head.partition(":")
    return device, channel, quantity, statistic, window_s


def _event(record: Record, name: str, envelope: _Envelope) -> ReceivedEvent:
    _, kind, subject = f"{name}::".split(":")[:3]
    unix_s, since_boot_s = envelope.times(record)
    return ReceivedEvent(
        kind,
        subject,
        record.text or "",
        unix_s,
        since_boot_s,
        envelope.gateway,
        envelope.key,
        envelope.arrival,
        envelope.clock,
    )
