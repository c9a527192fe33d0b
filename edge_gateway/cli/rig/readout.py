"""What a person sees of the devices of a rig: one line each, on a terminal, piped, or as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge_gateway.device_health import DeviceHealth
from edge_gateway.health import GatewayHealth, as_json
from edge_gateway.reading import Flag, Reading

PLAIN_EVERY_S = 5.0
JSON_EVERY_S = 1.0
# What may go wrong with a device, by the name of its count and in a word for people.
ERRORS: Mapping[str, str] = {
    "bad_frames": "bad",
    "silences": "silent",
    "resets": "reset",
    "link_losses": "gone",
    "restarts": "restarted",
}
_FLAG_STYLE = {"good": "green", "not_evaluated": "cyan", "suspect": "yellow", "fail": "red"}
_TITLES = ("device", "state", "flag", "readings", "errors", "value")
_STATE_STYLE = {"up": "green", "starting": "yellow"}


class Readout(Protocol):
    """Shows how the gateway is, and what happens to it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def show(self, health: GatewayHealth, elapsed_s: float, *, last: bool = False) -> None:
        """Show it, or not yet; `last` is shown in any case."""
        ...

    def remark(self, text: str, elapsed_s: float) -> None:
        """Say something that happened."""
        ...


@dataclass(frozen=True, slots=True)
class Row:
    """One device in one line: its worst flag, and its values or what is wrong with it."""

    id: str
    state: str
    flag: str
    readings: int
    errors: str
    values: str


def row(device: DeviceHealth) -> Row:
    """Put a device in one line."""
    newest = list(device.last_reading.values())
    worst = max((reading.flag for reading in newest), default=None)
    counted = {what: getattr(device.counts, name) for name, what in ERRORS.items()}
    values = "  ".join(_value(reading) for reading in newest) or "-"
    return Row(
        device.id,
        device.state.value,
        worst.name.lower() if worst else "-",
        device.counts.readings,
        ", ".join(f"{count} {what}" for what, count in counted.items() if count) or "-",
        values if device.state.value in _STATE_STYLE else device.last_error or values,
    )


def headline(health: GatewayHealth, elapsed_s: float) -> str:
    """The gateway in one line."""
    link = "up" if health.uplink["connected"] else "down: readings are kept"
    waiting = int(health.outbox["entries"] or 0) + int(health.outbox["uncommitted"] or 0)
    return (
        f"{elapsed_s:5.0f} s  {health.gateway}  uplink {link}  readings waiting {waiting}  "
        f"batches delivered {health.uplink['acknowledged']}"
    )


def plain(health: GatewayHealth, elapsed_s: float) -> Iterator[str]:
    """A headline and a line a device, aligned and without colour."""
    yield headline(health, elapsed_s)
    rows = [row(device) for device in health.devices]
    cells = [
        _TITLES,
        *((r.id, r.state, r.flag, str(r.readings), r.errors, r.values) for r in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)][:-1]
    for *known, values in cells:
        aligned = (cell.ljust(width) for cell, width in zip(known, widths, strict=True))
        yield "  ".join(("", *aligned, values))


class LiveTable:
    """A table that is drawn anew in its place, for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, health: GatewayHealth, elapsed_s: float, *, last: bool = False) -> None:
        """Draw it."""
        del last
        title = Text(headline(health, elapsed_s), no_wrap=True, overflow="ellipsis")
        self._live.update(Group(title, table([row(device) for device in health.devices])))

    def remark(self, text: str, elapsed_s: float) -> None:
        """Say it above the table."""
        self._console.print(f"{elapsed_s:5.0f} s  {text}", markup=False)


class PlainLines:
    """Lines every few seconds, for a pipe or a log."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, health: GatewayHealth, elapsed_s: float, *, last: bool = False) -> None:
        """Print it when it is time again."""
        if last or elapsed_s >= self._next_s:
            self._next_s = elapsed_s + PLAIN_EVERY_S
            for line in plain(health, elapsed_s):
                self._console.print(line, markup=False)
            sys.stdout.flush()

    def remark(self, text: str, elapsed_s: float) -> None:
        """Print it."""
        self._console.print(f"{elapsed_s:5.0f} s  {text}", markup=False)
        sys.stdout.flush()


class JsonLines:
    """One JSON object a second, with all that `status` knows, and one for each remark."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, health: GatewayHealth, elapsed_s: float, *, last: bool = False) -> None:
        """Print it when it is time again."""
        if last or elapsed_s >= self._next_s:
            self._next_s = elapsed_s + JSON_EVERY_S
            _print_line({"elapsed_s": round(elapsed_s, 2), **as_json(health)})

    def remark(self, text: str, elapsed_s: float) -> None:
        """Print it."""
        _print_line({"elapsed_s": round(elapsed_s, 2), "remark": text})


def table(rows: Sequence[Row]) -> Table:
    """All devices, one line each; what is too long for the terminal is cut at the right."""
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
    for title in _TITLES:
        is_last = title == _TITLES[-1]
        drawn.add_column(
            title,
            justify="right" if title == "readings" else "left",
            ratio=1 if is_last else None,
            no_wrap=True,
            overflow="ellipsis",
        )
    for one in rows:
        style = _STATE_STYLE.get(one.state, "red")
        drawn.add_row(
            Text(one.id, style="bold"),
            Text(one.state, style=style),
            Text(one.flag, style=_FLAG_STYLE.get(one.flag, "magenta")),
            str(one.readings),
            Text(one.errors, style="bright_black" if one.errors == "-" else "yellow"),
            Text(one.values, style="red" if style == "red" else ""),
        )
    return drawn


def _value(reading: Reading) -> str:
    nature = reading.measurand.quantity.nature
    if reading.flag is Flag.MISSING:
        return f"missing {nature.unit}"
    channel = f"{reading.measurand.channel} " if reading.measurand.channel else ""
    return f"{channel}{reading.value:.{min(2, nature.decimals)}f} {nature.unit}"


def _print_line(document: object) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()
