"""The configuration register of an ADS1115 (data sheet SBAS444, section 8.1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from edge_gateway.drivers.recognition import Sighting
from edge_gateway.links.errors import BadFrame, DeviceReset

AT_RESET = 0x8583
START = 0x8000  # written: begin; read: no conversion runs
SINGLE_SHOT = 0x0100
# The comparator is off. Its latch then does nothing: set, no configuration of ours equals the one
# after a reset.
NO_COMPARATOR, LATCH = 0x0003, 0x0004
# The bits by which a configuration of ours is known, whatever its input, gain and rate.
OURS, OUR_BITS = SINGLE_SHOT | LATCH | NO_COMPARATOR, 0x011F

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
FullScale = Literal[6144, 4096, 2048, 1024, 512, 256]  # mV
GAIN: Mapping[FullScale, int] = {6144: 0, 4096: 1, 2048: 2, 1024: 3, 512: 4, 256: 5}
Rate = Literal[8, 16, 32, 64, 128, 250, 475, 860]  # conversions a second
RATE: Mapping[Rate, int] = {8: 0, 16: 1, 32: 2, 64: 3, 128: 4, 250: 5, 475: 6, 860: 7}


def configuration(pins: Input, full_scale_mv: FullScale, rate_sps: Rate) -> int:
    """What is written to begin one conversion."""
    place = MULTIPLEXER[pins] << 12 | GAIN[full_scale_mv] << 9
    return START | place | SINGLE_SHOT | RATE[rate_sps] << 5 | LATCH | NO_COMPARATOR


def lost(found: int, written: int) -> BadFrame:
    """What it means that the register holds another configuration than was written."""
    if found == AT_RESET:
        return DeviceReset("the ADS1115 had lost its configuration: its supply failed")
    return BadFrame(
        f"the ADS1115 holds configuration 0x{found:04x} where 0x{written:04x} was written: "
        "does another program use it?"
    )


def recognised(found: int) -> Sighting | None:
    """A chip that holds the configuration after a reset, or one of ours."""
    return LIKELY if found == AT_RESET or found & OUR_BITS == OURS else None


_ITS_VOLTS = {"low_v": 0.0, "high_v": 4.096, "value_low": 0.0, "value_high": 4.096}
LIKELY: Final = Sighting(
    {"channel": [{"kind": "voltage", "input": "AIN0", "quantity": "supply_voltage", **_ITS_VOLTS}]},
    doubt="an ADS1015 answers alike",
    check="its inputs do not tell what is connected, AIN0 is given here as plain volts",
)
