"""How the processor fares, as Linux and the Raspberry Pi's firmware tell it; files are only read.

Bits of get_throttled: Raspberry Pi documentation, `vcgencmd get_throttled`. The alarm of the
power supply: Linux, Documentation/hwmon/raspberrypi-hwmon.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

SYS: Final = Path("/sys")
GET_THROTTLED: Final = "devices/platform/soc/soc:firmware/get_throttled"
THROTTLED_NOW: Final = 0b1111
"""Under-voltage, frequency capped, throttled, soft temperature limit; bits from 16 on say that it
has been so since the start."""
VOLTAGE_MONITOR: Final = "rpi_volt"
PROCESSOR_ZONES: Final = frozenset({"cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp"})
MILLIDEGREES: Final = 1000.0


class PiVitals:
    """Temperature and throttling of this machine; what a machine does not tell is None or false."""

    def __init__(self, root: Path = SYS) -> None:
        self._throttled = root / GET_THROTTLED
        zones = sorted(root.glob("class/thermal/thermal_zone*"))
        named = [zone for zone in zones if _text(zone / "type") in PROCESSOR_ZONES]
        self._temperatures = [zone / "temp" for zone in named or zones]
        self._alarms = [
            monitor / "in0_lcrit_alarm"
            for monitor in sorted(root.glob("class/hwmon/hwmon*"))
            if _text(monitor / "name") == VOLTAGE_MONITOR
        ]

    def celsius(self) -> float | None:
        """Temperature of the processor."""
        read = [_number(path, 10) for path in self._temperatures]
        return max((value / MILLIDEGREES for value in read if value is not None), default=None)

    def is_throttled(self) -> bool:
        """Whether the firmware holds the processor back, or its supply is too weak, just now."""
        bits = _number(self._throttled, 16)
        alarmed = any(_number(path, 10) for path in self._alarms)
        return bool((bits or 0) & THROTTLED_NOW) or alarmed


def _number(path: Path, base: int) -> int | None:
    try:
        return int(_text(path), base)
    except ValueError:
        return None


def _text(path: Path) -> str:
    """The file's text, "" where it cannot be read: each machine has other files."""
    try:
        return path.read_text("ascii", "replace").strip()
    except OSError:
        return ""
