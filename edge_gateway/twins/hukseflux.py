"""A Hukseflux SR05 as a Modbus RTU slave at the far end of a line."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from random import Random

from edge_gateway.drivers.hukseflux import PV_VARIANT_OFFSET
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

HEATED_BY_SUN_K_PER_W_M2 = 0.004
SERIAL_19200_8E1 = 5
SERIAL_NUMBER = 4711
SENSITIVITY_UV_PER_W_M2 = 11.2


class HuksefluxTwin(ModbusTwin):
    """Answers functions 03 and 04 on registers 0-11 and 40-42 as the device does."""

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        *,
        unit: int = 1,
        pv_variant: bool = False,
        late_s: float = 0.7,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, unit=unit, late_s=late_s, chance=chance)
        self._scene = scene
        self._offset = PV_VARIANT_OFFSET if pv_variant else 0
        self._seconds = seconds or stopwatch()

    def registers(self, function: int) -> Mapping[int, int]:
        """Register table of the manual, the same for both functions."""
        del function
        weather = self._scene.at(self._seconds())
        sun = weather.global_irradiance
        body = weather.air_temperature + HEATED_BY_SUN_K_PER_W_M2 * sun
        irradiance = struct.unpack(">HH", struct.pack(">i", round(sun * 100)))
        voltage = struct.unpack(
            ">HH", struct.pack(">i", round(sun * SENSITIVITY_UV_PER_W_M2 * 1000))
        )
        sensitivity = struct.unpack(">HH", struct.pack(">f", SENSITIVITY_UV_PER_W_M2))
        first = (
            *(self.unit, SERIAL_19200_8E1),
            *irradiance,
            *irradiance,
            round(body * 100) & 0xFFFF,
            *(1000, 100, 100),
            *voltage,
        )
        identity = (SERIAL_NUMBER, *sensitivity)
        return dict(enumerate(first, start=self._offset)) | dict(
            enumerate(identity, start=40 + self._offset)
        )
