"""The machine a scan runs on: its buses and ports, and who holds them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge_gateway.clock import Clock, SystemClock
from edge_gateway.links.bluez import Bluetooth, load_bleak
from edge_gateway.links.contract import ByteStream, I2c
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.serial import SerialPort

# Adapters of a screen or a mainboard: what answers there is no sensor of a pole.
_NO_SENSORS = re.compile(r"\b(ddc|dpddc|aux|hdmi|i915|gmbus|nvidia|amdgpu|smbus)\b", re.IGNORECASE)
# Names that stay the same first: the configuration is to outlive a reboot.
_PORTS = ("serial/by-id/*", "ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS*")
_NO_UART = "0"  # PORT_UNKNOWN, linux/serial_core.h: a device node without hardware behind it


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a scan looks, and what opens what it finds there; tests bring their own."""

    dev: Path = Path("/dev")
    sys: Path = Path("/sys")
    proc: Path = Path("/proc")
    open_bus: Callable[[int], I2c] = I2cBus
    open_port: Callable[[str, int, str], ByteStream] = SerialPort
    bluetooth: Callable[[], Bluetooth] = load_bleak
    clock: Clock = field(default_factory=SystemClock)

    def i2c_buses(self) -> list[int]:
        """Numbers N of all /dev/i2c-N."""
        names = (path.name.removeprefix("i2c-") for path in self.dev.glob("i2c-*"))
        return sorted(int(name) for name in names if name.isdigit())

    def is_for_sensors(self, bus: int) -> bool:
        """Whether the adapter is none of a screen or a mainboard, by the name the kernel gives."""
        name = _text(self.sys / "class" / "i2c-dev" / f"i2c-{bus}" / "name")
        return _NO_SENSORS.search(name) is None

    def kernel_driver(self, bus: int, address: int) -> str:
        """The kernel's driver of the chip at this address; empty where it has none."""
        place = self.sys / "bus" / "i2c" / "devices" / f"{bus}-{address:04x}"
        if not (place / "driver").exists():
            return ""
        return _text(place / "name") or "unnamed"

    def serial_ports(self) -> list[Path]:
        """All serial ports, each once and by its most lasting name; none without hardware."""
        seen: set[Path] = set()
        ports: list[Path] = []
        for pattern in _PORTS:
            for path in sorted(self.dev.glob(pattern)):
                port = path.resolve()
                if port in seen or _text(self._about(port) / "type") == _NO_UART:
                    continue
                seen.add(port)
                ports.append(path)
        return ports

    def is_console(self, port: Path) -> bool:
        """Whether this machine writes its messages there, and may take a login."""
        active = _text(self.sys / "class" / "tty" / "console" / "active")
        return port.resolve().name in active.split()

    def holder(self, device: Path) -> str:
        """The program that has it open, as far as this user may see; empty where none is seen."""
        target = str(device.resolve())
        for process in self._others():
            if target in _open_files(process):
                return _named(process)
        return ""

    def hidden_gateway(self) -> str:
        """A running gateway whose open buses this user may not see; empty where there is none."""
        for process in self._others():
            words = _arguments(process)
            runs = "run" in words and any("edge" in word and "gateway" in word for word in words)
            if runs and not os.access(process / "fd", os.R_OK):
                return _named(process)
        return ""

    def _about(self, port: Path) -> Path:
        return self.sys / "class" / "tty" / port.name

    def _others(self) -> Iterator[Path]:
        for process in self.proc.glob("[0-9]*"):
            if process.name != str(os.getpid()):
                yield process


def _open_files(process: Path) -> set[str]:
    files: set[str] = set()
    # It may be another user's, or end meanwhile.
    with contextlib.suppress(OSError):
        for file in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                files.add(str(file.readlink()))
    return files


def _named(process: Path) -> str:
    return f"{_text(process / 'comm') or 'a program'} (process {process.name})"


def _arguments(process: Path) -> list[str]:
    return _text(process / "cmdline").split("\0")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
