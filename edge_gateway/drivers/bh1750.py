"""ROHM BH1750FVI illuminance over I2C (technical note 11046EDT01)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import Field, field_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Chip, I2c, I2cConfig, PolledDriver, Sighting
from edge_gateway.drivers.formats.i2c_registers import Hex
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown
from edge_gateway.links.i2c import alike
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

POWER_ON, ONE_TIME = 0x01, 0x20  # H-resolution mode; powers down after the measurement
TIME_HIGH, TIME_LOW = 0x40, 0x60  # upper three and lower five bits of the measurement time
WORD_BYTES = 2
SATURATED: Final = 0xFFFF
COUNTS_PER_LX = 1.2
TYPICAL_TIME = 69
LONGEST_AT_TYPICAL_S = 0.180
ADDRESSES = (0x23, 0x5C)
DARK_AGAIN = 2


class Bh1750Config(I2cConfig):
    """A BH1750; it has neither identity nor checksum: a dead one looks like night."""

    address: Annotated[
        Hex, Field(description="7-bit address on the bus: 0x23, or 0x5c with ADDR high")
    ] = ADDRESSES[0]
    measurement_time: Annotated[
        int, Field(ge=31, le=254, description="MTreg: 31 reaches 121 klx, full sun; 69 only 54 klx")
    ] = 31

    @field_validator("address")
    @classmethod
    def _is_one_of_two(cls, address: int) -> int:
        if address not in ADDRESSES:
            raise ValueError(f"a BH1750 answers at 0x23 or 0x5c, not at 0x{address:02x}")
        return address


def decode(answer: bytes, measurement_time: int = 31) -> Measured:
    """Turn the two bytes of a measurement into lx; BadFrame on another length.

    At full scale it is `over_range`, flagged FAIL.
    """
    if len(answer) != WORD_BYTES:
        raise BadFrame(f"BH1750 answer of {len(answer)} bytes: {shown(answer)}")
    counts = int.from_bytes(answer)
    lux = counts / COUNTS_PER_LX * TYPICAL_TIME / measurement_time
    if counts == SATURATED:
        return {Quantity.ILLUMINANCE: Flagged(lux, Flag.FAIL, "over_range: the light is brighter")}
    return {Quantity.ILLUMINANCE: lux}


class Bh1750(PolledDriver[Bh1750Config, I2c]):
    """Measures once per call, with all settings sent anew: it has none to lose."""

    title: ClassVar[str] = "ROHM BH1750 illuminance (technical note 11046EDT01)"
    config_model: ClassVar[type[DeviceConfig]] = Bh1750Config
    quantities: ClassVar[tuple[Quantity, ...]] = (Quantity.ILLUMINANCE,)
    i2c_addresses: ClassVar[tuple[int, ...]] = ADDRESSES

    def read(self) -> Measured:
        """Measure; darkness again, for a supply that failed meanwhile reads as zero too."""
        answer = self._measured()
        for _ in range(DARK_AGAIN):
            if any(answer):
                break
            answer = self._measured()
        return decode(answer, self.config.measurement_time)

    def _measured(self) -> bytes:
        time = self.config.measurement_time
        for command in (POWER_ON, TIME_HIGH | time >> 5, TIME_LOW | time & 0x1F, ONE_TIME):
            self.link.write(self.config.address, bytes((command,)))
        self.waiter.sleep(LONGEST_AT_TYPICAL_S * time / TYPICAL_TIME)
        return alike(lambda: self.link.read(self.config.address, WORD_BYTES))

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """By two bytes that can be read: it has no identity."""
        chip.read(WORD_BYTES)
        return Sighting(doubt="a BH1750 cannot identify itself")
