"""Any Modbus RTU slave, by the same register map that its driver reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from edge_gateway.drivers.formats.register_map import RegisterMap
from edge_gateway.reading import Quantity
from edge_gateway.twins.modbus_slave import ModbusTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch


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
    ) -> None:
        super().__init__(line, unit=unit or register_map.unit, late_s=late_s)
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
                words = (0x7FFF, *words[1:])
            if no_value and register.nan:
                code = register.nan[0].to_bytes(2 * register.words)
                words = tuple(code[at] << 8 | code[at + 1] for at in range(0, len(code), 2))
                words = words if register.word_order == "high_first" else words[::-1]
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
