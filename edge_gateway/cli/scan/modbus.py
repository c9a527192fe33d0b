"""Modbus: ask each slave address for a register, and have the drivers look at those that answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from edge_gateway.cli.scan.findings import Drivers, Finding, Found, Remark, found, looked, surest
from edge_gateway.clock import Clock
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import BadFrame, DeviceSilent, Misconfigured
from edge_gateway.links.modbus import ModbusLine

# Registers that some slave of every known driver has: the first holding register, and input
# register 1 (an XY-MD02 has none before it). A refusal is an answer too.
HOLDING, INPUT = 0, 1
STARRED = ord("*")  # slave 42: its address is the byte that no request may hold


class SlaveScan:
    """The slaves of one line at one baud rate and parity."""

    def __init__(
        self,
        stream: ByteStream,
        port: str,
        settings: tuple[int, str],
        clock: Clock,
        answer_s: float,
    ) -> None:
        self._stream = stream
        self._port = port
        self._baud, self._parity = settings
        self._clock = clock
        self._answer_s = answer_s
        self._where = f"{port}, {self._baud} baud 8{self._parity}1"

    def findings(self, units: list[int], drivers: Drivers) -> Iterator[Finding]:
        """Find those of `units` that answer here, and take them out of it."""
        for unit, trouble in sorted(self._answering(units).items()):
            units.remove(unit)
            if trouble:
                yield Remark(f"{self._where}, slave {unit}", trouble)
            else:
                yield from self._recognised(unit, drivers)
        if STARRED in units:
            units.remove(STARRED)
            yield Remark(self._port, "slave 42 cannot be asked without sending a `*`")

    def _answering(self, units: list[int]) -> dict[int, str]:
        """Slaves that answer, and what is wrong with the answer; empty where it is whole."""
        heard: dict[int, str] = {}
        line = self._master()
        # One register of all before the next: an answer that comes late is over by then.
        for ask, register in ((line.read_holding, HOLDING), (line.read_input, INPUT)):
            for unit in units:
                if heard.get(unit) == "":
                    continue
                try:
                    ask(unit, register, 1)
                except DeviceSilent:
                    continue
                except BadFrame as error:
                    heard[unit] = _garbled(error)
                    continue
                except Misconfigured:
                    pass
                heard[unit] = ""
        return heard

    def _recognised(self, unit: int, drivers: Drivers) -> Iterator[Finding]:
        where = f"{self._where}, slave {unit}"
        sightings = surest(self._sightings(unit, where, drivers))
        yield from sightings
        if not sightings:
            what = (
                "a slave answers that no driver knows: write its register map in TOML and name"
                " it by profile_file (driver modbus_profile)"
            )
            yield Remark(where, what)

    def _sightings(self, unit: int, where: str, drivers: Drivers) -> Iterator[Found]:
        place = {"port": self._port, "baud": self._baud, "parity": self._parity, "unit": unit}
        for name, driver in drivers.items():
            if not driver.modbus_lines:
                continue
            # A line each: to have been silent to one driver is no reason for quarantine.
            sighting = looked(partial(driver.recognise_slave, self._master(), unit))
            if sighting is not None:
                yield found(name, where, place, sighting)

    def _master(self) -> ModbusLine:
        return ModbusLine(self._stream, self._clock, baud=self._baud, timeout_s=self._answer_s)


def _garbled(error: BadFrame) -> str:
    return (
        f"an answer comes and is spoilt ({error}): two slaves of one address, another parity,"
        " or a line without termination"
    )
