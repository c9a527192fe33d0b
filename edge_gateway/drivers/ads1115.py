"""Texas Instruments ADS1115: analog sensors on four inputs, over I2C (data sheet SBAS444)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Chip, I2c, I2cConfig, PolledDriver, Sighting, Waiter
from edge_gateway.drivers.formats import ads1115_config as register
from edge_gateway.drivers.formats import analog
from edge_gateway.drivers.formats.flags import failed
from edge_gateway.drivers.formats.i2c_registers import Bits, Hex, Registers
from edge_gateway.links.errors import BadFrame
from edge_gateway.links.frames import shown
from edge_gateway.reading import Flagged, Measured, Quantity

CONVERSION, CONFIG = 0x00, 0x01  # registers, section 8.1
WORD_BYTES = 2
IDLE = Bits(CONFIG, WORD_BYTES, register.START, register.START)
COUNTS = 32768
SATURATED: Final = frozenset({0x7FFF, -0x8000})

# The data rate is exact to 10 % (section 7.5): some conversions end late.
FIRST_WAIT, POLL_WAIT, POLLS = 0.9, 0.1, 6


class ChannelConfig(analog.SensorConfig):
    """A sensor at one input of the converter, or between two."""

    input: Annotated[register.Input, Field(description="one input, or the first minus the second")]
    full_scale_mv: Annotated[
        register.FullScale,
        Field(description="gain: the largest voltage in mV; no input may exceed the chip's supply"),
    ] = 4096


class Ads1115Config(I2cConfig):
    """An ADS1115 and what is connected to it."""

    address: Annotated[Hex, Field(ge=0x48, le=0x4B, description="7-bit address on the bus")] = 0x48
    rate_sps: Annotated[
        register.Rate, Field(description="conversions a second; slow ones average mains hum away")
    ] = 128
    channel: Annotated[
        tuple[ChannelConfig, ...],
        Field(max_length=16, description="one table for each sensor at its inputs"),
        AfterValidator(analog.give_different_things),
    ]


def decode(conversion: bytes, channel: ChannelConfig) -> float | Flagged:
    """Turn the conversion register into the value of the channel's quantity, in its unit.

    Raises BadFrame unless there are two bytes. At either end of the range it is `over_range`;
    what the channel's sensor says about itself is flagged with the reason, and the value kept.
    """
    if len(conversion) != WORD_BYTES:
        raise BadFrame(f"ADS1115 register of {len(conversion)} bytes: {shown(conversion)}")
    counts = int.from_bytes(conversion, signed=True)
    volts = counts * channel.full_scale_mv / 1000 / COUNTS
    value = analog.value_of(volts, channel)
    if counts not in SATURATED:
        return value
    return failed(value, "over_range: the voltage is beyond full_scale_mv")


class Ads1115(PolledDriver[Ads1115Config, I2c]):
    """Converts each channel once per call; between calls the converter sleeps."""

    title: ClassVar[str] = "TI ADS1115: pyranometer, 4-20 mA, voltage, wind vane (SBAS444)"
    config_model: ClassVar[type[DeviceConfig]] = Ads1115Config
    quantities: ClassVar[tuple[Quantity, ...]] = analog.TRANSMITTED
    i2c_addresses: ClassVar[tuple[int, ...]] = (0x48, 0x49, 0x4A, 0x4B)

    def __init__(self, config: Ads1115Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._chip = Registers(link, config.address)
        self._written: int | None = None

    def read(self) -> Measured:
        """Convert every channel, each with its own gain."""
        if self._written is not None:
            self._wait()  # for one that was given up: a command meanwhile would be ignored
            self._check(self._written)
        return {channel.measurand: self._measured(channel) for channel in self.config.channel}

    def _measured(self, channel: ChannelConfig) -> float | Flagged:
        rate_sps, gain = self.config.rate_sps, channel.full_scale_mv
        config = register.configuration(channel.input, gain, rate_sps)
        self._chip.write(CONFIG, config.to_bytes(WORD_BYTES))
        self._written = config
        self.waiter.sleep(FIRST_WAIT / rate_sps)
        self._wait()
        conversion = self._chip.read(CONVERSION, WORD_BYTES)
        self._check(config)  # behind the data: a supply that failed meanwhile shows here
        return decode(conversion, channel)

    def _wait(self) -> None:
        self._chip.wait_for(IDLE, self.waiter.sleep, POLL_WAIT / self.config.rate_sps, POLLS)

    def _check(self, written: int) -> None:
        found = int.from_bytes(self._chip.read(CONFIG, WORD_BYTES))
        if found != written:
            self._written = None  # every conversion carries the whole configuration anew
            raise register.lost(found, written)

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """By its configuration: the one after a reset, or one that this driver wrote."""
        return register.recognised(int.from_bytes(chip.register(CONFIG, WORD_BYTES)))
