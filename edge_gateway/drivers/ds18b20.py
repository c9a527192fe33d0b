"""Maxim DS18B20 thermometer through the kernel's 1-Wire driver (data sheet 19-7487)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import W1, PolledDriver, Sighting, W1Config, Waiter
from edge_gateway.drivers.formats.flags import in_range, missing
from edge_gateway.drivers.formats.w1_slave import CEL_PER_COUNT, scratchpad
from edge_gateway.links.errors import DeviceReset
from edge_gateway.reading import Flagged, Measured, Quantity

FAMILY = "28"
TEMPERATURE_CEL = (-55.0, 125.0)

POWER_ON_COUNTS = 0x0550  # 85 degC: nothing was converted since power came
POWER_ON_MARK = 0x0C  # byte 6 beside it; a conversion leaves another value there
NO_POWER_COUNTS = 0x07FF  # 127.9375 degC: the supply broke down during the conversion
CREDIBLE_STEP_K = 5.0  # 85 degC is believed where the reading before was no further away

Measures = Literal["surface", "air"]
QUANTITIES = {"surface": Quantity.SURFACE_TEMPERATURE, "air": Quantity.AIR_TEMPERATURE}


class Ds18b20Config(W1Config):
    """A DS18B20 on a surface (road, rail, roof), or in a radiation shield if it is for air."""

    slave: Annotated[
        str,
        Field(
            pattern=f"^{FAMILY}-[0-9a-f]{{12}}$",
            description="name of the slave as `ls /sys/bus/w1/devices` shows it",
            examples=["28-0316a2795bff"],
        ),
    ]
    measures: Annotated[Measures, Field(description="what it is fixed to")] = "surface"


def decode(
    text: bytes, measures: Measures = "surface", before_cel: float | None = None
) -> Measured:
    """Turn the two lines of `w1_slave` into degC; BadFrame where a checksum or the rest is wrong.

    The number behind `t=` is never taken: after a wrong checksum it is an old one. The power-on
    value of 85 degC is a DeviceReset unless the scratchpad shows that it was measured and
    `before_cel`, the reading before, lies near. A supply that broke down is MISSING; a value
    outside the specified range is flagged FAIL and kept.
    """
    pad = scratchpad(text)
    undefined_bits = 3 - (pad[4] >> 5 & 3)
    counts = int.from_bytes(pad[:2], "little", signed=True) >> undefined_bits << undefined_bits
    value = counts * CEL_PER_COUNT
    if counts == POWER_ON_COUNTS:
        is_near = before_cel is not None and abs(value - before_cel) <= CREDIBLE_STEP_K
        if pad[6] == POWER_ON_MARK or not is_near:
            raise DeviceReset("85 degC is the power-on value: the supply was interrupted")
    if counts == NO_POWER_COUNTS:
        return {QUANTITIES[measures]: missing("too little power to convert")}
    return {QUANTITIES[measures]: in_range(value, TEMPERATURE_CEL)}


class Ds18b20(PolledDriver[Ds18b20Config, W1]):
    """Reads once per call; the kernel starts the conversion and waits for its end."""

    title: ClassVar[str] = "Maxim DS18B20 thermometer, surface or air (data sheet 19-7487)"
    config_model: ClassVar[type[DeviceConfig]] = Ds18b20Config
    quantities: ClassVar[tuple[Quantity, ...]] = tuple(QUANTITIES.values())

    def __init__(self, config: Ds18b20Config, link: W1, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._before_cel: float | None = None

    def read(self) -> Measured:
        """Have it measure and return the temperature."""
        text = self.link.read(self.config.slave)
        measured = decode(text, self.config.measures, self._before_cel)
        value = measured[QUANTITIES[self.config.measures]]
        if not isinstance(value, Flagged):
            self._before_cel = value
        return measured

    @classmethod
    def recognise_w1(cls, slave: str) -> Sighting | None:
        """By its family."""
        if not slave.startswith(f"{FAMILY}-"):
            return None
        return Sighting({"measures": "surface"}, check='what it is fixed to, "surface" or "air"')
