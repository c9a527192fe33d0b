"""The report of a run: facts of the machine, targets, and tables with ratios, as Markdown."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.contract import Peer
from benchmarks.peers.results import Options
from benchmarks.peers.targets import Verdict, verdicts

OURS = "ours"
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what it says, in which unit, and where the number is."""

    label: str
    of: Callable[[Any], float | None]
    digits: int = 1
    has_ratio: bool = True


_BOOKS = (
    Row("lost", lambda r: r.books.lost, 0, has_ratio=False),
    Row("duplicated", lambda r: r.books.duplicated, 0, has_ratio=False),
    Row("repeated under the same key", lambda r: r.books.repeated, 0, has_ratio=False),
    Row("out of order", lambda r: r.books.disordered, 0, has_ratio=False),
    Row("cores taken by others", lambda r: r.foreign_cores, 2, has_ratio=False),
    Row("cores taken by the harness", lambda r: r.harness_cores, 2, has_ratio=False),
)

TABLES: Mapping[str, tuple[str, Sequence[Row]]] = {
    "steady": (
        "Steady: 50 sensors at 10 Hz",
        (
            Row("readings counted", lambda r: r.readings, 0, has_ratio=False),
            Row("CPU s per 100,000 readings", lambda r: r.cpu_s, 2),
            Row("resident MB, at most", lambda r: r.rss_peak_mb),
            Row("wire B a reading, up", lambda r: r.wire_up_bytes, 2),
            Row("wire B a reading, down", lambda r: r.wire_down_bytes, 3),
            Row("MQTT messages a reading", lambda r: r.messages, 4),
            Row("B a reading written, process", lambda r: r.written_bytes),
            Row("B a reading written, device", lambda r: r.device_bytes),
            Row("latency p50, s", lambda r: r.latency_p50_s, 3),
            Row("latency p99, s", lambda r: r.latency_p99_s, 3),
            *_BOOKS,
        ),
    ),
    "rush": (
        "Flat out: as fast as it accepts",
        (
            Row("readings", lambda r: r.readings, 0, has_ratio=False),
            Row("accepted a second", lambda r: r.accepted_hz, 0),
            Row("delivered a second", lambda r: r.delivered_hz, 0),
            Row("CPU s per 100,000 readings", lambda r: r.cpu_s, 2),
            Row("resident MB, at most", lambda r: r.rss_peak_mb),
            Row("wire B a reading, up", lambda r: r.wire_up_bytes, 2),
            Row("MQTT messages a reading", lambda r: r.messages, 4),
            Row("B a reading written, device", lambda r: r.device_bytes),
            *_BOOKS,
        ),
    ),
    "outage": (
        "Outage and drain",
        (
            Row("readings buffered", lambda r: r.backlog, 0, has_ratio=False),
            Row("accepted a second meanwhile", lambda r: r.accepted_hz, 0, has_ratio=False),
            Row("B on disk a buffered reading", lambda r: r.disk_bytes),
            Row("B written to the device for it", lambda r: r.device_bytes),
            Row("resident MB before", lambda r: r.rss_mb[0]),
            Row("resident MB with all buffered", lambda r: r.rss_mb[-1]),
            Row("resident MB, at most", lambda r: r.rss_peak_mb),
            Row("s from uplink back to first delivery", lambda r: r.first_after_s),
            Row("drained a second from then on", lambda r: r.drain_hz, 0),
            Row("CPU s per 100,000 drained, live included", lambda r: r.drain_cpu_s, 2),
            Row("live readings meanwhile", lambda r: r.live, 0, has_ratio=False),
            Row("live: late p50, s", lambda r: r.late_p50_s, 2, has_ratio=False),
            Row("live: late at most, s", lambda r: r.late_most_s, 2, has_ratio=False),
            Row(
                "live: late since accepted, s", lambda r: r.late_accepted_most_s, 2, has_ratio=False
            ),
            *_BOOKS,
        ),
    ),
}


@dataclass(slots=True)
class Run:
    """What was run, how, and what came of it: by scenario and gateway, a sentence where nothing."""

    command: str
    is_quick: bool
    nice: int
    options: Options
    peers: Mapping[str, tuple[str, str]]
    results: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def add(self, scenario: str, peer: str, result: object) -> None:
        """Take down what came of one gateway in one scenario."""
        self.results.setdefault(scenario, {})[peer] = result

    @property
    def verdicts(self) -> list[Verdict]:
        """How the targets stand."""
        return verdicts(self.results)

    @property
    def is_good(self) -> bool:
        """Whether everything could be measured and every target is met."""
        failed = [one for row in self.results.values() for one in row.values() if _is_text(one)]
        return not failed and all(verdict.is_met for verdict in self.verdicts)

    def text(self) -> str:
        """The report."""
        parts = [_HEAD.format(command=self.command), *self._facts(), "", "## Targets", ""]
        parts += _table(
            ("target", "measured", ""),
            [(v.target, v.measured, "met" if v.is_met else "**not met**") for v in self.verdicts],
        )
        for scenario, (title, rows) in TABLES.items():
            if scenario in self.results:
                parts += ["", f"## {title}", "", *self._scenario(scenario, rows)]
        return "\n".join([*parts, "", *_READING.splitlines()]) + "\n"

    def _facts(self) -> list[str]:
        quick = "**A quick run: too short for figures to quote.** " if self.is_quick else ""
        how = self.options
        said = (
            f"{quick}{_machine()} Priority (nice) {self.nice}. Steady: {how.steady_s:g} s after "
            f"{how.warm_up_s:g} s, at most {how.steady_window} readings not accepted; "
            f"flat out and backlog: {how.rush_window}."
        )
        about = [(f"`{name}`", *words) for name, words in self.peers.items()]
        return [said, "", *_table(("gateway", "what it is", "a reading is accepted when"), about)]

    def _scenario(self, scenario: str, rows: Sequence[Row]) -> list[str]:
        results = self.results[scenario]
        measured = {name: result for name, result in results.items() if not _is_text(result)}
        ours = measured.get(OURS)
        others = [name for name in measured if name != OURS and ours is not None]
        heads = ("", *measured, *(f"ours / {name}" for name in others))
        lines: list[tuple[str, ...]] = []
        for row in rows:
            values = {name: row.of(result) for name, result in measured.items()}
            ratios = [_ratio(values[OURS], values[name], row) for name in others]
            cells = [_number(value, row.digits) for value in values.values()]
            lines.append((row.label, *cells, *ratios))
        failures = [f"* `{name}`: {why}" for name, why in results.items() if _is_text(why)]
        return [*_table(heads, lines, "--:"), *([""] if failures else []), *failures]


def begin(
    command: str, peers: Sequence[Peer], options: Options, *, is_quick: bool, nice: int
) -> Run:
    """A run of which nothing is known yet."""
    about = {peer.name: (peer.title, peer.acceptance) for peer in peers}
    return Run(command, is_quick, nice, options, about)


def _machine() -> str:
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    cpu = names[0] if names else platform.machine()
    return (
        f"Machine: {os.cpu_count()} cores ({cpu}), Linux {platform.release()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}."
    )


def _is_text(result: object) -> bool:
    return isinstance(result, str)


def _number(value: float | None, digits: int) -> str:
    return _NONE if value is None or value != value else f"{value:,.{digits}f}"  # noqa: PLR0124 - NaN


def _ratio(ours: float | None, theirs: float | None, row: Row) -> str:
    if not row.has_ratio or not ours or not theirs:
        return _NONE
    ratio = ours / theirs
    return f"1/{1 / ratio:,.1f}" if ratio < 1 else f"{ratio:,.1f}"


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]], align: str = "---") -> list[str]:
    rule = ["---", *[align for _ in heads[1:]]]
    return [f"| {' | '.join(line)} |" for line in (heads, rule, *lines)]


_HEAD = """\
# Gateways side by side

Written by one run of

    {command}

which `make bench` prepares. Do not edit: run it again.
"""

_READING = """\
## How it was measured

* feeder, gateway, proxy, upstream mosquitto 2 (`max_queued_messages 0`), collector: one after the
  other, each a process of its own on loopback, no TLS. Reading g has the value g; the collector
  (persistent session, QoS 1) accounts for every number. **lost**: accepted and not delivered.
  **duplicated**: delivered again, under another key or without one. **out of order**: behind a
  later one of its sensor, live and backlog apart.
* CPU: utime + stime of the gateway's processes. Resident: sum of their pages, every 0.1 s.
* Wire: TCP payload counted by the proxy, MQTT headers included, TCP/IP headers not.
* Written by the process: `write_bytes` of `/proc/PID/io`. By the device: sectors of a loop device
  with an ext4 of its own, journal included, synced before each look; "-" where we may not mount.
* Latency and lateness: from the hand-over to the collector. Ours waits for its commit first (5 s
  by default; a program that is held up by its window gets one at once). "Since accepted" leaves
  that wait out.
* Backlogs bear the times of 50 sensors at 10 Hz over the outage; flat out, times are spread over
  the present in microseconds. thingsboard-gateway merges readings of one device, key and
  millisecond, so its stamps are at least a millisecond apart. During a drain, live readings come
  at 500 a second; those handed in between its first and last delivery are counted.
* Rates and latencies depend on what else the machine does: see the cores taken by others. Counts
  and bytes do not. The harness shares the cores with the gateway, and where it takes more than one
  (a message a reading, flat out) it is what holds the gateway back: read that as "at least"."""
