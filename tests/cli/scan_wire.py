"""Serial lines for scans: in memory with a frozen clock, and pseudo-terminals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from edge_gateway.cli.check import read
from edge_gateway.cli.scan import Plan, scan
from edge_gateway.cli.scan.machine import Machine
from edge_gateway.cli.scan.report import Report
from edge_gateway.cli.scan.serial_lines import Patience
from edge_gateway.clock import Clock, SystemClock
from edge_gateway.drivers.formats.register_map import shipped_map
from edge_gateway.links.contract import ByteStream
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.wxt530 import Wxt530Twin

SCENE = WeatherScene(seed=7)
GATEWAY = '[gateway]\nid = "pole"\n[uplink]\nhost = "broker"\n'
LINE = PtyLine()  # what simulated slaves in memory are given and do not use
Setting = tuple[int, str]


class SimulatedWire:
    """A line in memory: slaves at their own baud rate and parity, or somebody who talks.

    At another setting a slave understands nothing, and who talks is heard as garbage.
    """

    def __init__(
        self,
        clock: Clock,
        slaves: Sequence[tuple[ModbusTwin, Setting]] = (),
        talk: tuple[int, float, Callable[[], bytes]] | None = None,
        *,
        echo: bool = False,
    ) -> None:
        self.sent = b""
        self.settings: list[Setting] = []
        self._clock, self._slaves, self._talk, self._echo = clock, slaves, talk, echo
        self._setting: Setting = (0, "N")
        self._heard = b""

    def open(self, path: str, baud: int, parity: str) -> SimulatedWire:
        del path
        self._setting = (baud, parity)
        self.settings.append(self._setting)
        return self

    def read(self, at_most: int, timeout_s: float) -> bytes:
        if not self._heard:
            wait_s = min(timeout_s, self._talk[1]) if self._talk else timeout_s
            self._clock.sleep(max(wait_s, 1e-6))  # the clock counts no less than nanoseconds
            if self._talk and wait_s == self._talk[1]:
                said = self._talk[2]()
                is_right = self._setting[0] == self._talk[0]
                self._heard = said if is_right else bytes(byte ^ 0x5A for byte in said[::2])
        heard, self._heard = self._heard[:at_most], self._heard[at_most:]
        return heard

    def write(self, data: bytes) -> None:
        self.sent += data
        self._heard += data if self._echo else b""
        for slave, setting in self._slaves:
            if setting == self._setting:
                self._heard += b"".join(slave.hear(data))

    def discard_input(self) -> None:
        self._heard = b""

    def close(self) -> None:
        pass


def machine(
    folder: Path, wires: Mapping[str, Callable[[str, int, str], ByteStream]], clock: Clock
) -> Machine:
    """A machine with these ports."""
    for name in ("dev", "sys", "proc"):
        (folder / name).mkdir(exist_ok=True)
    for name in wires:
        (folder / "dev" / name).touch()
    return Machine(
        dev=folder / "dev",
        sys=folder / "sys",
        proc=folder / "proc",
        open_port=lambda path, baud, parity: wires[Path(path).name](path, baud, parity),
        clock=clock,
    )


def pty_machine(folder: Path, proc: Path = Path("/proc")) -> Machine:
    """A machine whose ports are pseudo-terminals, opened as real ports are."""
    (folder / "dev" / "serial" / "by-id").mkdir(parents=True, exist_ok=True)
    return Machine(dev=folder / "dev", sys=folder / "sys", proc=proc, clock=SystemClock())


def scanned(machine: Machine, *, ports: Sequence[Path] = (), **patience: object) -> Report:
    settings = Patience(**patience)  # pyright: ignore[reportArgumentType]  as the test names them
    return scan(Plan(kinds=("serial",), ports=ports, patience=settings), machine, lambda _: None)


def remarks(report: Report) -> str:
    return "\n".join(f"{remark.where}: {remark.what}" for remark in report.remarks)


def checked(report: Report, folder: Path) -> Sequence[object]:
    """What a gateway makes of the printed configuration."""
    path = folder / "gateway.toml"
    path.write_text(GATEWAY + report.toml(), encoding="utf-8")
    return read(path).device


def profile(name: str, unit: int = 1) -> tuple[ModbusTwin, Setting]:
    held = shipped_map(name)
    return ModbusProfileTwin(LINE, SCENE, held, unit=unit), (held.baud, held.parity)


def hukseflux(unit: int = 1, *, pv_variant: bool = False) -> tuple[ModbusTwin, Setting]:
    return HuksefluxTwin(LINE, SCENE, unit=unit, pv_variant=pv_variant), (19200, "E")


def wxt(number: str = "0", *, crc: bool = False, address: str = "0") -> bytes:
    return Wxt530Twin(LINE, SCENE, crc=crc, address=address).message(number, 0.0)
