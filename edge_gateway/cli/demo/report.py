"""What was produced, what arrived, and what that means: the demo's books and its report."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from edge_gateway.reading import Entry, Flag, Measurand, Quantity, Reading

# What a reading is recognised by at the far end, without trusting clocks or counters: its device,
# its measurand, and its value as text ("" when missing).
Mark = tuple[str, Measurand, str]


def mark(device: str, measurand: Measurand, value: float | None) -> Mark:
    """Make the mark of a reading from what both ends know of it."""
    shown = "" if value is None else f"{value:.{measurand.quantity.nature.decimals}f}"
    return (device, measurand, shown)


class Ledger:
    """Counts marks from several threads."""

    def __init__(self) -> None:
        self._marks: Counter[Mark] = Counter()
        self._lock = threading.Lock()

    def write(self, marks: Iterable[Mark]) -> None:
        """Take them down."""
        with self._lock:
            self._marks.update(marks)

    def read(self) -> Counter[Mark]:
        """A copy of all that was written."""
        with self._lock:
            return self._marks.copy()


def tap_into(ledger: Ledger, entries: Sequence[Entry]) -> None:
    """Write the readings among what goes into the outbox."""
    ledger.write(
        mark(
            entry.device,
            entry.measurand,
            None if entry.flag is Flag.MISSING else entry.value,
        )
        for entry in entries
        if isinstance(entry, Reading)
    )


@dataclass(frozen=True, slots=True)
class Balance:
    """One device's readings: produced at the pole, delivered at the far end, and the difference."""

    produced: int
    delivered: int
    lost: int
    duplicated: int


@dataclass(frozen=True, slots=True)
class Report:
    """The end of the demo in numbers; `duplicated` is after the key, `repeated` before it."""

    seconds: float
    outage_s: float
    broker: str
    footage: str
    devices: Mapping[str, Balance]
    people: Mapping[str, Mapping[str, int]]
    messages: Mapping[str, int]
    repeated_messages: int
    bytes_on_wire: int
    bytes_per_reading: float
    simulated: Sequence[str]
    picture: str = ""
    notes: Sequence[str] = field(default_factory=tuple[str, ...])

    @property
    def lost(self) -> int:
        """Readings that never arrived."""
        return sum(balance.lost for balance in self.devices.values())

    @property
    def silent(self) -> list[str]:
        """Devices that gave nothing: of them it cannot be said that nothing was lost."""
        return [device for device, balance in self.devices.items() if not balance.produced]

    @property
    def is_good(self) -> bool:
        """Every device gave readings, and each of them arrived once."""
        return not (self.lost or self.duplicated or self.silent)

    @property
    def duplicated(self) -> int:
        """Readings that arrived twice although the key was looked at."""
        return sum(balance.duplicated for balance in self.devices.values())


def balances(
    configured: Iterable[str], produced: Counter[Mark], delivered: Counter[Mark]
) -> dict[str, Balance]:
    """Hold what arrived against what was produced, device by device, reading by reading.

    Every configured device is in it: one that gave nothing must not look like one that lost none.
    """
    devices = sorted({*configured, *(found[0] for found in (*produced, *delivered))})
    lost, surplus = produced - delivered, delivered - produced
    return {
        device: Balance(
            _of(device, produced), _of(device, delivered), _of(device, lost), _of(device, surplus)
        )
        for device in devices
    }


def people_of(delivered: Counter[Mark]) -> dict[str, dict[str, int]]:
    """People per line and direction, from the counts that arrived."""
    people: dict[str, dict[str, int]] = {}
    for (_, measurand, value), times in delivered.items():
        if measurand.quantity is Quantity.PEOPLE and value:
            line, _, direction = measurand.channel.rpartition("/")
            of_line = people.setdefault(line, {"forward": 0, "backward": 0})
            of_line[direction] = of_line.get(direction, 0) + int(value) * times
    return people


def as_json(report: Report) -> dict[str, object]:
    """The report as `demo-report.json` holds it."""
    return {
        "seconds": round(report.seconds, 1),
        "outage_s": round(report.outage_s, 1),
        "broker": report.broker,
        "footage": report.footage,
        "simulated": list(report.simulated),
        "devices": {
            device: {
                "produced": balance.produced,
                "delivered": balance.delivered,
                "lost": balance.lost,
                "duplicated": balance.duplicated,
            }
            for device, balance in report.devices.items()
        },
        "lost": report.lost,
        "duplicated": report.duplicated,
        "people": report.people,
        "messages": report.messages,
        "repeated_messages": report.repeated_messages,
        "bytes_on_wire": report.bytes_on_wire,
        "bytes_per_reading": round(report.bytes_per_reading, 2),
        "picture": report.picture,
        "notes": list(report.notes),
    }


def _of(device: str, marks: Counter[Mark]) -> int:
    return sum(times for found, times in marks.items() if found[0] == device)
