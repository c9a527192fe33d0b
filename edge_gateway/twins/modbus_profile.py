"""Any Modbus RTU slave, by the same register map that its driver reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.formats.register_map import Register, RegisterMap, Type
from edge_gateway.reading import Quantity
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch

HIGHEST: Mapping[Type, int] = {
    "u16": 0xFFFF,
    "s16": 0x7FFF,
    "u32": 0xFFFFFFFF,
    "s32": 0x7FFFFFFF,
    "f32": 0x7F7FFFFF,
}


class ModbusProfileTwin(ModbusTwin):
    """Holds the scene's weather where the map says; registers between two values are 0.

    `nan` sends the map's code for no value, `saturated` the highest count there is.
    """

    FAULTS: ClassVar[Sequence[str]] = (*ModbusTwin.FAULTS, "nan", "saturated")

    def __init__(
        self,
        line: PtyLine,
        scene: WeatherScene,
        register_map: RegisterMap,
        *,
        unit: int | None = None,
        late_s: float = 0.7,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, unit=unit or register_map.unit, late_s=late_s, chance=chance)
        self._scene = scene
        self._map = register_map
        self._seconds = seconds or stopwatch()

    def registers(self, function: int) -> Mapping[int, int]:
        """The spans of this function, filled from the scene."""
        spans = [span for span in self._map.spans if span.function == function]
        held = {at: 0 for span in spans for at in range(span.first, span.first + span.count)}
        weather = self._scene.at(self._seconds())
        no_value, saturated = self.faults.take("nan"), self.faults.take("saturated")
        for register in self._map.registers:
            if register.function != function:
                continue
            words = register.words_of(held_value(weather, register.quantity))
            if saturated:
                words = _as_read(HIGHEST[register.type], register)
            if no_value and register.nan:
                words = _as_read(register.nan[0], register)
            held.update(zip(range(register.address, register.stop), words, strict=True))
        return held


def held_value(weather: Weather, quantity: Quantity) -> float:
    """What the weather makes of a quantity; for one it has nothing on, the middle of its range."""
    known = {
        Quantity.AIR_TEMPERATURE: weather.air_temperature,
        Quantity.RELATIVE_HUMIDITY: weather.relative_humidity,
        Quantity.WIND_SPEED: weather.wind_speed,
        Quantity.WIND_DIRECTION: weather.wind_direction,
        Quantity.GLOBAL_IRRADIANCE: weather.global_irradiance,
    }
    return known.get(quantity, (quantity.nature.low + quantity.nature.high) / 2)


def _as_read(bits: int, register: Register) -> tuple[int, ...]:
    words = tuple(bits >> 16 * at & 0xFFFF for at in reversed(range(register.words)))
    return words if register.word_order == "high_first" else words[::-1]
