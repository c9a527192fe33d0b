"""A DS18B20 as the kernel's 1-Wire driver shows it (drivers/w1/slaves/w1_therm.c)."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import ClassVar

from edge_gateway.drivers.ds18b20 import (
    NO_POWER_COUNTS,
    POWER_ON_COUNTS,
    POWER_ON_MARK,
    Measures,
)
from edge_gateway.drivers.formats.w1_slave import CEL_PER_COUNT, FIXED_VALUE, crc8_dallas
from edge_gateway.twins.faults import Faults, cut, flipped
from edge_gateway.twins.weather import Seconds, WeatherScene, stopwatch

SURFACE_K_PER_W_M2 = 0.025  # asphalt in the sun: some 20 K above the air at noon
ALARMS = b"\x4b\x46"  # TH and TL as delivered
DATA_BYTES = 8


class Ds18b20Twin:
    """Measures the scene's road surface, or its air, at each conversion.

    `crc` flips a bit of the answer and `stale` loses it: in both the second line shows the last
    good scratchpad again, and with `stale` the `t=` of it, as kernels before 5.8 do. `reset` is
    the power-on value, `nan` a supply too weak to convert, `stuck` a data line held low, whose
    checksum is right.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        "crc",
        "silent",
        "half_frame",
        "stale",
        "nan",
        "reset",
        "stuck",
    )

    def __init__(
        self,
        scene: WeatherScene,
        *,
        measures: Measures = "surface",
        resolution_bits: int = 12,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        self._scene = scene
        self._measures = measures
        self._resolution_bits = resolution_bits
        self._seconds = seconds or stopwatch()
        self.faults = Faults(self.FAULTS, chance)
        self._retained = bytes(DATA_BYTES + 1)

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` conversions."""
        self.faults.order(kind, times)

    def convert(self) -> bytes:
        """Measure and give the text of `w1_slave`."""
        take = self.faults.take
        if take("silent"):
            return b""
        if take("stale"):
            return self._text(b"\xff" * (DATA_BYTES + 1), shown=self._retained)
        pad = self._answer()
        if take("crc"):
            pad = flipped(pad, self.faults.chance)
        text = self._text(pad)
        return cut(text[:-1], self.faults.chance) if take("half_frame") else text

    def _answer(self) -> bytes:
        if self.faults.take("stuck"):
            return bytes(DATA_BYTES + 1)
        if self.faults.take("reset"):
            return self._scratchpad(POWER_ON_COUNTS, POWER_ON_MARK)
        if self.faults.take("nan"):
            return self._scratchpad(NO_POWER_COUNTS, POWER_ON_MARK)
        return self._scratchpad(self._counts())

    def _counts(self) -> int:
        weather = self._scene.at(self._seconds())
        value = weather.air_temperature
        if self._measures == "surface":
            value += SURFACE_K_PER_W_M2 * weather.global_irradiance
        undefined = 12 - self._resolution_bits
        return round(value / CEL_PER_COUNT) >> undefined << undefined

    def _scratchpad(self, counts: int, mark: int | None = None) -> bytes:
        configuration = FIXED_VALUE | (self._resolution_bits - 9) << 5
        remain = 0x10 - (counts & 0x0F) if mark is None else mark
        data = counts.to_bytes(2, "little", signed=True) + ALARMS
        data += bytes((configuration, 0xFF, remain, 0x10))
        return data + bytes((crc8_dallas(data),))

    def _text(self, pad: bytes, shown: bytes | None = None) -> bytes:
        is_right = crc8_dallas(pad[:DATA_BYTES]) == pad[DATA_BYTES]
        if is_right:
            self._retained = pad
        crc = f"crc={crc8_dallas(pad[:DATA_BYTES]):02x} {'YES' if is_right else 'NO'}"
        counts = int.from_bytes((shown or pad)[:2], "little", signed=True)
        millidegrees = int(counts * 1000 * CEL_PER_COUNT)
        return f"{pad.hex(' ')} : {crc}\n{self._retained.hex(' ')} t={millidegrees}\n".encode()
