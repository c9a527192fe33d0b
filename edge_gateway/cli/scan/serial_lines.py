"""Serial ports: listen first, at every baud rate a driver knows; ask only where nobody talks.

No `*` ever goes out: it puts a Gill WindSonic into its configuration mode, in which it is silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge_gateway.cli.scan.findings import (
    Drivers,
    Finding,
    Found,
    Remark,
    Tell,
    found,
    looked,
    surest,
)
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.modbus import SlaveScan
from edge_gateway.drivers.contract import Listening
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import DeviceSilent, LinkGone, Misconfigured

FORBIDDEN = b"*"
LISTEN_S = 2.5
INTERVALS = 1.3  # of a device's rhythm: one frame is whole in it for sure
MOST_HEARD = 16_384
NOISE = b"\x00\xff"  # what an open or unterminated line reads as
FEWEST_BYTES = 3
SHOWN_BYTES = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a scan waits, and whom it asks."""

    listen_s: float | None = None
    """At each baud rate; None: `LISTEN_S`, and as long as a slow talker needs at its own rate."""
    answer_s: float = 0.3
    units: Sequence[int] = range(1, 11)
    ask: bool = False


def scan_serial(
    machine: Machine, wanted: Sequence[Path], drivers: Drivers, patience: Patience, tell: Tell
) -> list[Finding]:
    """Scan the wanted ports, or all there are where none is named."""
    findings: list[Finding] = []
    for port in wanted or machine.serial_ports():
        in_use = _in_use(machine, port)
        if in_use:
            findings.append(Remark(str(port), in_use))
            continue
        try:
            findings += _Port(machine, port, drivers, patience, tell).findings()
        except (LinkGone, Misconfigured) as error:
            findings.append(Remark(str(port), str(error)))
    what = "none here: plug an adapter in, or switch the UART on (enable_uart=1 in config.txt)"
    return findings or [Remark("serial ports", what)]


class _Port:
    """One port while it is scanned."""

    def __init__(
        self, machine: Machine, port: Path, drivers: Drivers, patience: Patience, tell: Tell
    ) -> None:
        self._machine = machine
        self._port = str(port)
        self._drivers = drivers
        self._patience = patience
        self._tell = tell

    def findings(self) -> list[Finding]:
        """All that is on its line."""
        unknown: dict[int, bytes] = {}
        for baud in dict.fromkeys(baud for one in self._drivers.values() for baud in one.bauds):
            listening = self._listened(baud)
            sightings = self._recognised(baud, listening)
            if sightings:
                return [*sightings]
            if len(listening.heard.strip(NOISE)) >= FEWEST_BYTES:
                unknown[baud] = listening.heard
        if unknown:
            baud = max(unknown, key=lambda baud: _legible(unknown[baud]))
            told = f"at {baud} baud {_shown(unknown[baud])}"
            what = f"something talks that no driver knows, so nothing was asked: {told}"
            return [Remark(self._port, what)]
        return [*self._answers()] or [Remark(self._port, f"nothing talks or answers{self._hint()}")]

    def _answers(self) -> Iterator[Finding]:
        if self._patience.ask:
            sightings = list(self._asked())
            yield from sightings
            if sightings:
                return
        lines = dict.fromkeys(line for one in self._drivers.values() for line in one.modbus_lines)
        units = list(self._patience.units)
        for baud, parity in lines:
            self._tell(f"{self._port}, asking Modbus slaves at {baud} baud 8{parity}1")
            stream = self._opened(baud, parity)
            clock, answer_s = self._machine.clock, self._patience.answer_s
            try:
                scan = SlaveScan(stream, self._port, (baud, parity), clock, answer_s)
                yield from scan.findings(units, self._drivers)
            finally:
                stream.close()

    def _asked(self) -> Iterator[Found]:
        questions = dict.fromkeys(
            (baud, question)
            for one in self._drivers.values()
            for baud in one.bauds
            for question in one.questions
        )
        for baud, question in questions:
            self._tell(f"{self._port}, asking at {baud} baud")
            stream = self._opened(baud, "N")
            try:
                stream.discard_input()
                stream.write(question)
                seconds = 2 * self._patience.answer_s
                heard = _heard(stream, self._machine, seconds)
            finally:
                stream.close()
            sightings = self._recognised(baud, Listening(heard, seconds, question))
            yield from sightings
            if sightings:
                return

    def _listened(self, baud: int) -> Listening:
        seconds = self._patience.listen_s or self._long_enough(baud)
        self._tell(f"{self._port}, listening at {baud} baud, {seconds:g} s")
        stream = self._opened(baud, "N")
        try:
            stream.discard_input()
            return Listening(_heard(stream, self._machine, seconds), seconds)
        finally:
            stream.close()

    def _long_enough(self, baud: int) -> float:
        at_home = [one for one in self._drivers.values() if one.bauds[:1] == (baud,)]
        return max([LISTEN_S, *(INTERVALS * one.talk_interval_s for one in at_home)])

    def _recognised(self, baud: int, listening: Listening) -> list[Found]:
        sightings: list[Found] = []
        for name, driver in self._drivers.items():
            if baud not in driver.bauds:
                continue
            sighting = looked(partial(driver.recognise_line, listening))
            if sighting is not None:
                place = {"port": self._port, "baud": baud}
                where = f"{self._port}, {baud} baud"
                sightings.append(found(name, where, place, sighting))
        return surest(sightings)

    def _opened(self, baud: int, parity: str) -> ByteStream:
        return _Muzzled(self._machine.open_port(self._port, baud, parity))

    def _hint(self) -> str:
        units = self._patience.units
        asked = f"; Modbus slaves {min(units)} to {max(units)} were asked" if units else ""
        return asked if self._patience.ask else f"{asked}; --ask tries polled anemometers too"


class _Muzzled:
    """A stream that never sends a `*`: whatever holds one is withheld as if nobody answered."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.read = stream.read
        self.discard_input = stream.discard_input
        self.close = stream.close

    def write(self, data: bytes) -> None:
        """Send all of it or nothing."""
        if FORBIDDEN in data:
            raise DeviceSilent("withheld: a `*` would silence a WindSonic on this line")
        self._stream.write(data)


def _heard(stream: ByteStream, machine: Machine, seconds: float) -> bytes:
    ends_s = _seconds(machine) + seconds
    heard = b""
    while (left_s := ends_s - _seconds(machine)) > 0 and len(heard) < MOST_HEARD:
        heard += stream.read(MOST_HEARD - len(heard), left_s)
    return heard


def _seconds(machine: Machine) -> float:
    return machine.clock.now().monotonic_ns / 1e9


def _in_use(machine: Machine, port: Path) -> str:
    if machine.is_console(port):
        return (
            "left alone: it is this machine's console; take console= out of cmdline.txt"
            " (raspi-config: Serial Port) to use it for a sensor"
        )
    holder = machine.holder(port)
    return f"in use by {holder}: left alone; end it to scan here" if holder else ""


def _legible(heard: bytes) -> float:
    """Which share of it is text."""
    return sum(byte in b"\r\n" or 0x20 <= byte < 0x7F for byte in heard) / len(heard)  # noqa: PLR2004  ASCII


def _shown(heard: bytes) -> str:
    text = heard[:SHOWN_BYTES].decode("latin-1")
    if text.isascii() and "".join(text.split()).isprintable():
        return repr(text)
    return heard[: SHOWN_BYTES // 3].hex(" ")
