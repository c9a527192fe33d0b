"""The demo's face: a live view on a terminal, plain lines where it is piped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Self

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from edge_gateway.cli.demo.snapshot import DeviceRow, Snapshot

PLAIN_EVERY_S = 5.0
_BARS = " ▁▂▃▄▅▆▇█"
_FLAG_STYLE = {"good": "green", "not_evaluated": "cyan", "suspect": "yellow", "fail": "red"}


class Screen:
    """Shows snapshots as they come."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = (
            Live(console=console, refresh_per_second=4, transient=False)
            if console.is_terminal
            else None
        )
        self._next_plain_s = 0.0

    def __enter__(self) -> Self:
        """Take the terminal."""
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back, with the last view left standing."""
        if self._live:
            self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Draw it, or say it in a line every few seconds."""
        if self._live:
            self._live.update(view(snapshot))
        elif snapshot.elapsed_s >= self._next_plain_s:
            self._next_plain_s = snapshot.elapsed_s + PLAIN_EVERY_S
            self._console.print(plain(snapshot))

    def remark(self, text: str) -> None:
        """Say something that happened, above the view."""
        self._console.print(text)


def view(snapshot: Snapshot) -> RenderableType:
    """The whole screen as one renderable."""
    return Group(
        _headline(snapshot),
        _devices(snapshot.devices),
        Columns([_people(snapshot), _outbox(snapshot), _uplink(snapshot)], expand=True),
    )


def plain(snapshot: Snapshot) -> str:
    """One line of what matters now, without colour."""
    newest = "  ".join(
        f"{device.id} {_number(value.value, value.decimals)} {value.unit}"
        for device in snapshot.devices
        for value in device.values[:1]
    )
    people = ", ".join(f"{line.name} {line.forward}/{line.backward}" for line in snapshot.lines)
    return (
        f"{snapshot.elapsed_s:5.0f} s  uplink {_uplink_state(snapshot):<13}"
        f"waiting {snapshot.outbox.readings:>5} readings  "
        f"received {snapshot.uplink.received_readings:>6} "
        f"(live {snapshot.uplink.received_live}, backfill {snapshot.uplink.received_backfill})  "
        f"people {people or '-'}  {newest}"
    )


def save_picture(snapshot: Snapshot, path: Path) -> None:
    """Save the screen as an SVG that takes nothing from elsewhere."""
    console = Console(record=True, width=124, file=StringIO(), force_terminal=True)
    console.print(view(snapshot))
    svg = console.export_svg(title="edge-gateway demo", unique_id="demo")
    # Rich names web fonts; the reader's own monospace serves as well.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL), encoding="utf-8")


def sparkline(history: Sequence[int], width: int, share_done: float) -> str:
    """The whole history as bars, scaled to its highest, over `share_done` of the width."""
    columns = max(1, round(width * min(1.0, share_done)))
    top = max(history, default=0) or 1
    # Each column shows the highest of its span, so that no peak falls between two columns.
    spans = [
        history[len(history) * i // columns : max(1, len(history) * (i + 1) // columns)]
        for i in range(columns)
    ]
    return "".join(_BARS[round(max(span, default=0) / top * (len(_BARS) - 1))] for span in spans)


def _headline(snapshot: Snapshot) -> Text:
    done = min(1.0, snapshot.elapsed_s / snapshot.seconds)
    filled = round(20 * done)
    return Text.assemble(
        (" edge-gateway demo ", "bold reverse"),
        f"  {snapshot.elapsed_s:3.0f} of {snapshot.seconds:.0f} s ",
        ("━" * filled, "green"),
        ("━" * (20 - filled), "bright_black"),
        ("\n people: " + snapshot.footage, "italic bright_black"),
    )


def _devices(devices: Sequence[DeviceRow]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    for title, justify in (("device", "left"), ("what", "left"), ("value", "right")):
        table.add_column(title, justify="right" if justify == "right" else "left")
    for title in ("unit", "flag", "age", "state", "how it is connected"):
        table.add_column(title, style="bright_black" if title.startswith("how") else "")
    for device in devices:
        first = True
        for value in device.values:
            table.add_row(
                Text(device.id if first else "", style="bold"),
                value.name,
                _number(value.value, value.decimals),
                value.unit,
                Text(value.flag, style=_FLAG_STYLE.get(value.flag, "magenta")),
                f"{value.age_s:.1f} s",
                Text(device.state, style="green" if device.state == "up" else "red")
                if first
                else "",
                device.wired if first else "",
            )
            first = False
        if not device.values:
            waiting = ("-", "", "", "", device.state, device.wired)
            table.add_row(Text(device.id, style="bold"), "", *waiting)
    return table


def _people(snapshot: Snapshot) -> Panel:
    table = Table(box=None, expand=True)
    table.add_column("line")
    table.add_column("forward", justify="right")
    table.add_column("backward", justify="right")
    for line in snapshot.lines:
        table.add_row(line.name, str(line.forward), str(line.backward))
    now = f"in view {snapshot.people_now}, {snapshot.frames_per_s:.1f} frames/s"
    return Panel(Group(table, Text(now, style="bright_black")), title="people", width=38, height=8)


def _outbox(snapshot: Snapshot) -> Panel:
    outbox = snapshot.outbox
    hours = "-" if outbox.hours_left is None else f"{outbox.hours_left:,.0f} h"
    lines = [
        f"waiting  {outbox.readings:,} readings in {outbox.batches} batches",
        f"to commit {outbox.uncommitted}, on disk {outbox.bytes_used / 1e3:,.0f} kB",
        f"space for {hours} at this rate",
        "",
        f"[yellow]{sparkline(snapshot.backlog, 36, snapshot.elapsed_s / snapshot.seconds)}[/]",
    ]
    return Panel("\n".join(lines), title="outbox", width=42, height=8)


def _uplink(snapshot: Snapshot) -> Panel:
    uplink = snapshot.uplink
    style = "green" if uplink.connected else "red"
    lines = [
        f"[{style}]{_uplink_state(snapshot)}[/]  broker: {snapshot.broker}",
        f"sent      live {uplink.sent_live}, backfill {uplink.sent_backfill}",
        f"received  live {uplink.received_live}, backfill {uplink.received_backfill}",
        f"readings received {uplink.received_readings:,}",
        f"{uplink.wire_bytes / max(1, uplink.received_readings):.1f} bytes a reading on the wire",
    ]
    return Panel("\n".join(lines), title="uplink and city platform", width=42, height=8)


def _uplink_state(snapshot: Snapshot) -> str:
    if not snapshot.uplink.plugged:
        return "CABLE PULLED"
    return "up" if snapshot.uplink.connected else "down"


def _number(value: float | None, decimals: int) -> str:
    return "missing" if value is None else f"{value:.{min(decimals, 2)}f}"
