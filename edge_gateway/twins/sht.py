"""A Sensirion SHT4x or SHT3x for the simulated I2C bus."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.formats.sensirion import (
    CRC_POLYNOMIAL,
    CRC_START,
    FULL_SCALE,
    VARIANTS,
    Model,
)
from edge_gateway.drivers.sht import (
    CLEAR_STATUS,
    HEATER_OFF,
    HEATER_ON,
    READ_STATUS,
    RESET_DETECTED,
)
from edge_gateway.links.frames import crc8
from edge_gateway.twins.faults import Faults, cut, flipped
from edge_gateway.twins.i2c_bus import no_acknowledge
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

# Longest conversion at high repeatability, data sheets SHT4x and SHT3x-DIS.
CONVERSION_S: dict[Model, float] = {"sht4x": 0.0083, "sht3x": 0.0155}
SLOW = 3
SERIAL_NUMBER = (0x0ABC, 0x1234)


class ShtTwin:
    """Measures the scene's air on command; a read before the conversion ends is not acknowledged.

    A measurement can be fetched once. `slow` converts three times as long as the data sheet
    allows, `half_frame` gives a part of an answer, `reset` loses the supply for a moment before the
    next command and `reset_measuring` before the next answer, `heating` is an SHT3x whose heater
    somebody left on.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        "crc",
        "silent",
        "half_frame",
        "noise",
        "all_ones",
        "all_zeros",
        "slow",
        "reset",
        "reset_measuring",
        "heating",
    )

    def __init__(
        self,
        scene: WeatherScene,
        *,
        model: Model = "sht4x",
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._model: Model = model
        self._seconds = seconds or stopwatch()
        self.faults = Faults(self.FAULTS, chance)
        self.power_up()

    def power_up(self) -> None:
        """Nothing measured; an SHT3x says that it has restarted."""
        self._answer = b""
        self._ready_s = 0.0
        self._status = RESET_DETECTED

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` measurements."""
        self.faults.order(kind, times)

    def write(self, data: bytes) -> None:
        """Take a command: single shot of high repeatability, serial number, an SHT3x's status."""
        if self.faults.take("silent"):
            raise no_acknowledge()
        if self.faults.take("reset"):
            self.power_up()
        if self.faults.take("heating"):
            self._status |= HEATER_ON
        if data == VARIANTS[self._model].measure:
            self._measure()
        elif data == VARIANTS[self._model].serial_number:
            parts = (_closed(part.to_bytes(2)) for part in SERIAL_NUMBER)
            self._answer, self._ready_s = b"".join(parts), 0.0
        elif self._model == "sht4x" or not self._tell(data):
            raise no_acknowledge()

    def read(self, count: int) -> bytes:
        """Give the measurement once it is there; beyond its end the bus floats high."""
        if self.faults.take("reset_measuring"):
            self.power_up()
        if not self._answer or self._seconds() < self._ready_s:
            raise no_acknowledge()
        answer, self._answer = self._answer, b""
        return answer[:count].ljust(count, b"\xff")

    def _tell(self, command: bytes) -> bool:
        """Take a command about the status; False where it is none."""
        if command == READ_STATUS:
            self._answer, self._ready_s = _closed(self._status.to_bytes(2)), 0.0
        elif command == CLEAR_STATUS:
            self._status &= ~RESET_DETECTED
        elif command == HEATER_OFF:
            self._status &= ~HEATER_ON
        else:
            return False
        return True

    def _measure(self) -> None:
        now_s = self._seconds()
        self._answer = self._spoilt(self._measured(now_s))
        slowness = SLOW if self.faults.take("slow") else 1
        self._ready_s = now_s + slowness * CONVERSION_S[self._model]

    def _measured(self, at_s: float) -> bytes:
        weather = self._scene.at(at_s)
        variant = VARIANTS[self._model]
        temperature = (weather.air_temperature + 45.0) / 175.0
        humidity = (weather.relative_humidity - variant.humidity_offset) / variant.humidity_span
        return word(temperature) + word(humidity)

    def _spoilt(self, answer: bytes) -> bytes:
        take, chance = self.faults.take, self.faults.chance
        if take("crc"):
            return flipped(answer, chance)
        if take("half_frame"):
            return cut(answer, chance)
        if take("noise"):
            at = chance.randrange(len(answer))
            return answer[:at] + bytes((answer[at] ^ chance.randrange(1, 256),)) + answer[at + 1 :]
        if take("all_ones"):
            return b"\xff" * len(answer)
        if take("all_zeros"):
            return bytes(len(answer))
        return answer


def word(share: float) -> bytes:
    """A share 0-1 of full scale as two bytes and their checksum."""
    return _closed(round(min(1.0, max(0.0, share)) * FULL_SCALE).to_bytes(2))


def _closed(data: bytes) -> bytes:
    return data + bytes((crc8(data, polynomial=CRC_POLYNOMIAL, start=CRC_START),))
