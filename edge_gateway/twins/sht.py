"""A Sensirion SHT4x or SHT3x for the simulated I2C bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from edge_gateway.drivers.sht import CRC_POLYNOMIAL, CRC_START, FULL_SCALE, VARIANTS, Model
from edge_gateway.links.frames import crc8
from edge_gateway.twins.faults import Faults
from edge_gateway.twins.i2c_bus import no_acknowledge
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

# Longest conversion at high repeatability, data sheets SHT4x and SHT3x-DIS.
CONVERSION_S: dict[Model, float] = {"sht4x": 0.0083, "sht3x": 0.0155}
SLOW = 3


class ShtTwin:
    """Measures the scene's air on command; a read before the conversion ends is not acknowledged.

    A measurement can be fetched once. `slow` converts three times as long as the data sheet
    allows, `half_frame` loses power in the middle of an answer.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        "crc",
        "silent",
        "half_frame",
        "noise",
        "all_ones",
        "all_zeros",
        "slow",
    )

    def __init__(
        self, scene: WeatherScene, *, model: Model = "sht4x", seconds: Seconds | None = None
    ) -> None:
        self._scene = scene
        self._model: Model = model
        self._seconds = seconds or stopwatch()
        self._faults = Faults(self.FAULTS)
        self._answer = b""
        self._ready_s = 0.0

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` measurements."""
        self._faults.order(kind, times)

    def write(self, data: bytes) -> None:
        """Take a command; only the single shot of high repeatability is known."""
        if self._faults.take("silent") or data != VARIANTS[self._model].measure:
            raise no_acknowledge()
        now_s = self._seconds()
        self._answer = self._spoilt(self._measured(now_s))
        slowness = SLOW if self._faults.take("slow") else 1
        self._ready_s = now_s + slowness * CONVERSION_S[self._model]

    def read(self, count: int) -> bytes:
        """Give the measurement once it is there; beyond its end the bus floats high."""
        if not self._answer or self._seconds() < self._ready_s:
            raise no_acknowledge()
        answer, self._answer = self._answer, b""
        return answer[:count].ljust(count, b"\xff")

    def _measured(self, at_s: float) -> bytes:
        weather = self._scene.at(at_s)
        variant = VARIANTS[self._model]
        temperature = (weather.air_temperature + 45.0) / 175.0
        humidity = (weather.relative_humidity - variant.humidity_offset) / variant.humidity_span
        return word(temperature) + word(humidity)

    def _spoilt(self, answer: bytes) -> bytes:
        take = self._faults.take
        if take("crc"):
            return answer[:2] + bytes((answer[2] ^ 0x01,)) + answer[3:]
        if take("half_frame"):
            return answer[: len(answer) // 2]
        if take("noise"):
            return bytes(byte ^ 0xA5 for byte in answer)
        if take("all_ones"):
            return b"\xff" * len(answer)
        if take("all_zeros"):
            return bytes(len(answer))
        return answer


def word(share: float) -> bytes:
    """A share 0-1 of full scale as two bytes and their checksum."""
    data = round(min(1.0, max(0.0, share)) * FULL_SCALE).to_bytes(2)
    return data + bytes((crc8(data, polynomial=CRC_POLYNOMIAL, start=CRC_START),))
