"""A Kipp & Zonen SMP as a Modbus RTU slave at the far end of a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.kipp_smp import ERROR, NORMAL_MODE, OVERFLOW, UNDERFLOW, VOID
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

SMP10_VOLT, DATA_MODEL = 617, 102
SERVICE_MODE = 2
HEATED_BY_SUN_K_PER_W_M2 = 0.004
SUPPLY_V = 23.4
HIGHEST_S16 = 0x7FFF
SCALES = (-1, 0, 1, 2)
STATUS_OF_FAULT = {
    "void": VOID,
    "saturated": OVERFLOW,
    "underflow": UNDERFLOW,
    "hardware_error": ERROR,
}


class KippSmpTwin(ModbusTwin):
    """Answers functions 03 and 04 on registers 0-9; `scale` is its scale factor, -1 to 2.

    Fault `scale` answers with another one of those that can hold the irradiance.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *ModbusTwin.FAULTS,
        *STATUS_OF_FAULT,
        "service_mode",
        "scale",
    )

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        *,
        unit: int = 1,
        scale: int = 1,
        late_s: float = 0.7,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, unit=unit, late_s=late_s, chance=chance)
        self._scene = scene
        self._scale = scale
        self._seconds = seconds or stopwatch()

    def registers(self, function: int) -> Mapping[int, int]:
        """Register table of the manual, the same for both functions."""
        del function
        weather = self._scene.at(self._seconds())
        sun = weather.global_irradiance
        scale = self._scale
        if self.faults.take("scale"):
            others = [one for one in SCALES if one != scale and sun * 10**one <= HIGHEST_S16]
            scale = self.faults.chance.choice(others)
        counts = round(sun * 10**scale)
        status = OVERFLOW if counts > HIGHEST_S16 else 0
        for fault, bit in STATUS_OF_FAULT.items():
            status |= bit if self.faults.take(fault) else 0
        irradiance = min(counts, HIGHEST_S16) & 0xFFFF
        body = weather.air_temperature + HEATED_BY_SUN_K_PER_W_M2 * sun
        return dict(
            enumerate(
                (
                    *(SMP10_VOLT, DATA_MODEL),
                    SERVICE_MODE if self.faults.take("service_mode") else NORMAL_MODE,
                    status,
                    scale & 0xFFFF,
                    *(irradiance, irradiance, 0),
                    round(body * 10) & 0xFFFF,
                    round(SUPPLY_V * 10),
                )
            )
        )
