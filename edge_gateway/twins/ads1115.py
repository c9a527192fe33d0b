"""A TI ADS1115 for the simulated I2C bus, with voltages at its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.ads1115 import CONFIG, CONVERSION, COUNTS, WORD_BYTES
from edge_gateway.drivers.formats.ads1115_config import AT_RESET, GAIN, MULTIPLEXER, RATE, START
from edge_gateway.twins.i2c_bus import RegisterChip
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch

Voltages = Mapping[str, Callable[[Weather], float]]
"""What lies at the inputs AIN0 to AIN3, in volts against ground; 0 where none is named."""

GAIN_BITS, RATE_BITS = 0x0E00, 0x00E0
SLOW = 3

_FULL_SCALE_V = {code: millivolts / 1000 for millivolts, code in GAIN.items()}
_RATE_SPS = {code: rate for rate, code in RATE.items()}
_PINS = {code: inputs.split("-") for inputs, code in MULTIPLEXER.items()}


class Ads1115Twin(RegisterChip):
    """Converts once per command with the gain and rate it was told, as late as the part may be.

    Fault `saturated` gives either end of the scale, `slow` takes three times as long as the data
    sheet allows.
    """

    FAULTS: ClassVar[Sequence[str]] = (*RegisterChip.FAULTS, "saturated", "slow")

    def __init__(
        self,
        scene: WeatherScene,
        voltages: Voltages,
        *,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._voltages = dict(voltages)
        self._seconds = seconds or stopwatch()
        super().__init__(chance)

    def power_up(self) -> None:
        """Registers as after a reset."""
        self._config = AT_RESET
        self._converted = 0
        self._converting: tuple[float, int] | None = None

    def store(self, register: int, data: bytes) -> None:
        """A word to the configuration; one that begins a conversion begins it."""
        if register != CONFIG or len(data) < WORD_BYTES:
            return
        self._config = int.from_bytes(data[:WORD_BYTES])
        if self._config & START:
            now_s = self._seconds()
            slowness = SLOW if self.faults.take("slow") else 1
            rate_sps = _RATE_SPS[(self._config & RATE_BITS) >> 5]
            # The rate of a part is up to 10 % below its name.
            self._converting = (now_s + slowness / (0.93 * rate_sps), self._counts(now_s))

    def fetch(self, register: int, count: int) -> bytes:
        """The register named; further bytes repeat it."""
        if self._converting is not None and self._seconds() >= self._converting[0]:
            self._converted, self._converting = self._converting[1], None
        word = self._converted & 0xFFFF
        if register != CONVERSION:
            busy = self._converting is not None
            word = self._config & ~START if busy else self._config | START
        return (word.to_bytes(WORD_BYTES) * count)[:count]

    def _counts(self, at_s: float) -> int:
        positive, *negative = _PINS[self._config >> 12 & 0b111]
        weather = self._scene.at(at_s)
        volts = self._at(positive, weather) - sum(self._at(pin, weather) for pin in negative)
        counts = round(volts * COUNTS / _FULL_SCALE_V[(self._config & GAIN_BITS) >> 9])
        if self.faults.take("saturated"):
            return self.faults.chance.choice((COUNTS - 1, -COUNTS))
        return min(COUNTS - 1, max(-COUNTS, counts))

    def _at(self, pin: str, weather: Weather) -> float:
        voltage = self._voltages.get(pin)
        return 0.0 if voltage is None else voltage(weather)


def current_loop(share: float, shunt_ohm: float) -> float:
    """Volts over the shunt of a transmitter at this share (0-1) of its span."""
    return (4.0 + 16.0 * share) / 1000 * shunt_ohm


def vane(direction_deg: float, reference_v: float) -> float:
    """Volts at the wiper of a vane's potentiometer."""
    return reference_v * (direction_deg % 360.0) / 360.0
