"""Texas Instruments ADS1115: analog sensors on four inputs, over I2C (data sheet SBAS444)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import I2c, I2cConfig, PolledDriver, Waiter
from edge_gateway.drivers.formats.analog import TRANSMITTED, SensorConfig, value_of
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.links.i2c import alike
from edge_gateway.reading import Flag, Flagged, Measured, Quantity

CONVERSION, CONFIG = 0x00, 0x01  # registers, section 8.1
WORD_BYTES = 2
AT_RESET = 0x8583
START = 0x8000  # written: begin; read: no conversion runs
SINGLE_SHOT = 0x0100
# The comparator is off. Its latch then does nothing: set, no configuration of ours equals the one
# after a reset.
NO_COMPARATOR, LATCH = 0x0003, 0x0004
COUNTS = 32768
SATURATED: Final = frozenset({0x7FFF, -0x8000})

Input = Literal["AIN0", "AIN1", "AIN2", "AIN3", "AIN0-AIN1", "AIN0-AIN3", "AIN1-AIN3", "AIN2-AIN3"]
MULTIPLEXER: Mapping[Input, int] = {
    "AIN0-AIN1": 0,
    "AIN0-AIN3": 1,
    "AIN1-AIN3": 2,
    "AIN2-AIN3": 3,
    "AIN0": 4,
    "AIN1": 5,
    "AIN2": 6,
    "AIN3": 7,
}
FullScale = Literal[6144, 4096, 2048, 1024, 512, 256]
GAIN: Mapping[FullScale, int] = {6144: 0, 4096: 1, 2048: 2, 1024: 3, 512: 4, 256: 5}
Rate = Literal[8, 16, 32, 64, 128, 250, 475, 860]
RATE: Mapping[Rate, int] = {8: 0, 16: 1, 32: 2, 64: 3, 128: 4, 250: 5, 475: 6, 860: 7}

# The data rate is exact to 10 % (section 7.5): some conversions end late.
FIRST_WAIT, POLL_WAIT, POLLS = 0.9, 0.1, 6


class ChannelConfig(SensorConfig):
    """A sensor at one input of the converter, or between two."""

    input: Annotated[Input, Field(description="one input, or the first minus the second")]
    full_scale_mv: Annotated[
        FullScale,
        Field(description="gain: the largest voltage in mV; no input may exceed the chip's supply"),
    ] = 4096


def _give_different_things(channels: tuple[ChannelConfig, ...]) -> tuple[ChannelConfig, ...]:
    if not channels:  # a least length would be complained of beside every wrong channel
        raise ValueError("nothing is connected: write a [[device.channel]] table")
    given = [channel.measurand for channel in channels]
    for one in given:
        if given.count(one) > 1:
            raise ValueError(f"{given.count(one)} channels give {one.quantity}: give each a name")
    return channels


class Ads1115Config(I2cConfig):
    """An ADS1115 and what is connected to it."""

    address: Annotated[int, Field(ge=0x48, le=0x4B, description="7-bit address on the bus")] = 0x48
    rate_sps: Annotated[
        Rate, Field(description="conversions a second; slow ones average mains hum away")
    ] = 128
    channel: Annotated[
        tuple[ChannelConfig, ...],
        Field(max_length=16, description="one table for each sensor at its inputs"),
        AfterValidator(_give_different_things),
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
    value = value_of(volts, channel)
    if counts not in SATURATED:
        return value
    kept = value.value if isinstance(value, Flagged) else value
    return Flagged(kept, Flag.FAIL, "over_range: the voltage is beyond full_scale_mv")


class Ads1115(PolledDriver[Ads1115Config, I2c]):
    """Converts each channel once per call; between calls the converter sleeps."""

    title: ClassVar[str] = "TI ADS1115: pyranometer, 4-20 mA, voltage, wind vane (SBAS444)"
    config_model: ClassVar[type[DeviceConfig]] = Ads1115Config
    quantities: ClassVar[tuple[Quantity, ...]] = TRANSMITTED

    def __init__(self, config: Ads1115Config, link: I2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._written: int | None = None

    def read(self) -> Measured:
        """Convert every channel, each with its own gain."""
        if self._written is not None:
            self._wait()  # for one that was given up: a command meanwhile would be ignored
            self._check(self._written)
        return {channel.measurand: self._measured(channel) for channel in self.config.channel}

    def _measured(self, channel: ChannelConfig) -> float | Flagged:
        config = configuration(channel, self.config.rate_sps)
        self.link.write(self.config.address, bytes((CONFIG,)) + config.to_bytes(WORD_BYTES))
        self._written = config
        self.waiter.sleep(FIRST_WAIT / self.config.rate_sps)
        self._wait()
        conversion = alike(lambda: self._register(CONVERSION))
        self._check(config)  # behind the data: a supply that failed meanwhile shows here
        return decode(conversion, channel)

    def _wait(self) -> None:
        for _ in range(POLLS):
            if int.from_bytes(self._register(CONFIG)) & START:
                return
            self.waiter.sleep(POLL_WAIT / self.config.rate_sps)
        raise BadFrame("the ADS1115 does not end its conversion")

    def _check(self, written: int) -> None:
        found = int.from_bytes(alike(lambda: self._register(CONFIG)))
        if found == written:
            return
        self._written = None  # every conversion carries the whole configuration anew
        if found == AT_RESET:
            raise DeviceReset("the ADS1115 had lost its configuration: its supply failed")
        raise BadFrame(
            f"the ADS1115 holds configuration 0x{found:04x} where 0x{written:04x} was written: "
            "does another program use it?"
        )

    def _register(self, register: int) -> bytes:
        return self.link.write_read(self.config.address, bytes((register,)), WORD_BYTES)


def configuration(channel: ChannelConfig, rate_sps: Rate) -> int:
    """The configuration register that begins one conversion, section 8.1.3."""
    place = MULTIPLEXER[channel.input] << 12 | GAIN[channel.full_scale_mv] << 9
    return START | place | SINGLE_SHOT | RATE[rate_sps] << 5 | LATCH | NO_COMPARATOR
