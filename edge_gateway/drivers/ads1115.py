"""Texas Instruments ADS1115: analog sensors on four inputs, over I2C (data sheet SBAS444)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from edge_gateway.config import DeviceConfig, Identifier, Section
from edge_gateway.drivers.contract import I2cConfig, PolledDriver, Waiter
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import shown
from edge_gateway.links.i2c import RegisterI2c, alike
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity

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

# NAMUR NE 43: a transmitter measures from 3.8 to 20.5 mA, and says below 3.6 and above 21 mA that
# it does not; a cut wire gives none at all.
LIVE_ZERO_MA, SPAN_MA = 4.0, 16.0
BROKEN_BELOW_MA, FAILED_ABOVE_MA = 3.6, 21.0
MEASURES_MA = (3.8, 20.5)
# Noise and offset may bring a voltage this share of its span beyond its ends.
OVERSHOOT = 0.02

Kind = Literal["pyranometer", "current_loop", "voltage", "vane"]
# Keys of a kind: those it needs, and those it may have.
KEYS: Mapping[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "pyranometer": (frozenset({"sensitivity_uv_per_w_m2"}), frozenset()),
    "current_loop": (frozenset({"quantity", "shunt_ohm", "value_low", "value_high"}), frozenset()),
    "voltage": (
        frozenset({"quantity", "low_v", "high_v", "value_low", "value_high"}),
        frozenset(),
    ),
    "vane": (frozenset(), frozenset({"reference_v", "north_offset_deg", "dead_band_deg"})),
}
TRANSMITTED: Final = (
    Quantity.AIR_TEMPERATURE,
    Quantity.RELATIVE_HUMIDITY,
    Quantity.AIR_PRESSURE,
    Quantity.WIND_SPEED,
    Quantity.WIND_DIRECTION,
    Quantity.GLOBAL_IRRADIANCE,
    Quantity.ILLUMINANCE,
    Quantity.SURFACE_TEMPERATURE,
    Quantity.BATTERY_VOLTAGE,
    Quantity.SUPPLY_VOLTAGE,
)


def _is_transmitted(quantity: Quantity) -> Quantity:
    if quantity not in TRANSMITTED:
        raise ValueError(f"{quantity} comes from no transmitter: {', '.join(TRANSMITTED)}")
    return quantity


Transmitted = Annotated[Quantity, AfterValidator(_is_transmitted)]


class ChannelConfig(Section):
    """A sensor at one input, or between two."""

    kind: Annotated[
        Kind, Field(description="what is connected; decides which keys follow", examples=["vane"])
    ]
    input: Annotated[Input, Field(description="one input, or the first minus the second")]
    full_scale_mv: Annotated[
        FullScale, Field(description="gain: the largest voltage, in millivolts")
    ] = 4096
    name: Annotated[
        Identifier | None,
        Field(description="tells two channels of one quantity apart", examples=["north"]),
    ] = None
    sensitivity_uv_per_w_m2: Annotated[
        float | None,
        Field(gt=0, description="pyranometer: uV per W/m2, from its label", examples=[10.5]),
    ] = None
    quantity: Annotated[
        Transmitted | None,
        Field(description="current_loop, voltage: what it measures", examples=["air_temperature"]),
    ] = None
    shunt_ohm: Annotated[
        float | None,
        Field(gt=0, description="current_loop: resistor it flows through", examples=[100.0]),
    ] = None
    low_v: Annotated[
        float | None, Field(description="voltage: where its span begins", examples=[0.0])
    ] = None
    high_v: Annotated[
        float | None, Field(description="voltage: where its span ends", examples=[1.0])
    ] = None
    value_low: Annotated[
        float | None,
        Field(description="value at 4 mA or low_v, in the quantity's unit", examples=[-40.0]),
    ] = None
    value_high: Annotated[
        float | None,
        Field(description="value at 20 mA or high_v, in the quantity's unit", examples=[60.0]),
    ] = None
    reference_v: Annotated[
        float, Field(gt=0, description="vane: voltage over its potentiometer")
    ] = 3.3
    north_offset_deg: Annotated[
        float,
        Field(ge=-360, le=360, description="vane: true bearing of its north mark"),
    ] = 0.0
    dead_band_deg: Annotated[
        float, Field(ge=0, le=30, description="vane: gap at its north mark, given as that mark")
    ] = 5.0

    @model_validator(mode="after")
    def _has_the_keys_of_its_kind(self) -> Self:
        needed, allowed = KEYS[self.kind]
        given = self.model_fields_set - {"kind", "input", "full_scale_mv", "name"}
        if missing := needed - given:
            raise ValueError(f"a {self.kind} channel needs {', '.join(sorted(missing))}")
        if foreign := given - needed - allowed:
            raise ValueError(f"a {self.kind} channel takes no {', '.join(sorted(foreign))}")
        if self.low_v is not None and self.low_v == self.high_v:
            raise ValueError(f"low_v and high_v are both {self.low_v:g}: there is no span")
        return self

    @property
    def measurand(self) -> Measurand:
        """What it gives."""
        fixed = {
            "pyranometer": Quantity.GLOBAL_IRRADIANCE,
            "vane": Quantity.WIND_DIRECTION,
        }.get(self.kind)
        quantity = fixed or self.quantity
        assert quantity is not None  # its kind needs one
        return Measurand(quantity, self.name or "")


def _give_different_things(channels: tuple[ChannelConfig, ...]) -> tuple[ChannelConfig, ...]:
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
        Field(min_length=1, max_length=16, description="one table for each sensor at its inputs"),
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
    value = _VALUE[channel.kind](volts, channel)
    if counts not in SATURATED:
        return value
    kept = value.value if isinstance(value, Flagged) else value
    return Flagged(kept, Flag.FAIL, "over_range: the voltage is beyond full_scale_mv")


class Ads1115(PolledDriver[Ads1115Config, RegisterI2c]):
    """Converts each channel once per call; between calls the converter sleeps."""

    title: ClassVar[str] = "TI ADS1115: pyranometer, 4-20 mA, voltage, wind vane (SBAS444)"
    config_model: ClassVar[type[DeviceConfig]] = Ads1115Config
    quantities: ClassVar[tuple[Quantity, ...]] = TRANSMITTED

    def __init__(self, config: Ads1115Config, link: RegisterI2c, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._written: int | None = None

    def read(self) -> Measured:
        """Convert every channel, each with its own gain."""
        if self._written is not None:
            self._check(self._written)
        return {channel.measurand: self._measured(channel) for channel in self.config.channel}

    def _measured(self, channel: ChannelConfig) -> float | Flagged:
        config = configuration(channel, self.config.rate_sps)
        self.link.write(self.config.address, bytes((CONFIG,)) + config.to_bytes(WORD_BYTES))
        self._written = config
        self._wait()
        conversion = alike(lambda: self._register(CONVERSION))
        self._check(config)  # behind the data: a supply that failed meanwhile shows here
        return decode(conversion, channel)

    def _wait(self) -> None:
        nominal_s = 1 / self.config.rate_sps
        self.waiter.sleep(FIRST_WAIT * nominal_s)
        for _ in range(POLLS):
            if int.from_bytes(self._register(CONFIG)) & START:
                return
            self.waiter.sleep(POLL_WAIT * nominal_s)
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


def _irradiance(volts: float, channel: ChannelConfig) -> float | Flagged:
    assert channel.sensitivity_uv_per_w_m2 is not None  # its kind needs it; so below
    return volts * 1e6 / channel.sensitivity_uv_per_w_m2


def _current_loop(volts: float, channel: ChannelConfig) -> float | Flagged:
    assert channel.shunt_ohm is not None
    current_ma = 1000 * volts / channel.shunt_ohm
    value = _mapped((current_ma - LIVE_ZERO_MA) / SPAN_MA, channel)
    if current_ma < BROKEN_BELOW_MA:
        return Flagged(value, Flag.FAIL, "below 3.6 mA: wire broken or transmitter failed")
    if current_ma > FAILED_ABOVE_MA:
        return Flagged(value, Flag.FAIL, "above 21 mA: short circuit or transmitter failed")
    low_ma, high_ma = MEASURES_MA
    if not low_ma <= current_ma <= high_ma:
        return Flagged(value, Flag.SUSPECT, "the transmitter is at the end of its range")
    return value


def _voltage(volts: float, channel: ChannelConfig) -> float | Flagged:
    assert channel.low_v is not None
    assert channel.high_v is not None
    share = (volts - channel.low_v) / (channel.high_v - channel.low_v)
    value = _mapped(share, channel)
    if -OVERSHOOT <= share <= 1 + OVERSHOOT:
        return value
    return Flagged(value, Flag.FAIL, "outside the device's range")


def _vane(volts: float, channel: ChannelConfig) -> float | Flagged:
    share = volts / channel.reference_v
    from_mark = 360.0 * share
    half_gap = channel.dead_band_deg / 2
    if not half_gap <= from_mark <= 360.0 - half_gap:
        from_mark = 0.0  # in the gap the voltage says no more than this
    direction = _folded(from_mark + channel.north_offset_deg)
    if -OVERSHOOT <= share <= 1 + OVERSHOOT:
        return direction
    return Flagged(direction, Flag.FAIL, "outside 0 V to reference_v: is reference_v right?")


def _mapped(share: float, channel: ChannelConfig) -> float:
    assert channel.value_low is not None
    assert channel.value_high is not None
    value = channel.value_low + (channel.value_high - channel.value_low) * share
    return _folded(value) if channel.quantity is Quantity.WIND_DIRECTION else value


def _folded(direction: float) -> float:
    # The second time for what the first rounds up to 360 itself.
    return direction % 360.0 % 360.0


_VALUE: Mapping[Kind, Callable[[float, ChannelConfig], float | Flagged]] = {
    "pyranometer": _irradiance,
    "current_loop": _current_loop,
    "voltage": _voltage,
    "vane": _vane,
}
