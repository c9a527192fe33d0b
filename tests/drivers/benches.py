"""A driver on its link with its simulated device at the other end, and what that really had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Protocol

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.contract import PolledDriver, TalkingDriver
from edge_gateway.links.errors import DeviceError
from edge_gateway.reading import Flagged, Measurand, Measured, Quantity
from edge_gateway.twins.faults import Faults
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.weather import Weather, WeatherScene

CLOCK = SystemClock()
Key = Quantity | Measurand
AnyDriver = PolledDriver[Any, Any] | TalkingDriver[Any, Any]
Values = Callable[[Weather], Mapping[Quantity, float]]
"""What a device under that weather measures, worked out from the weather alone."""


class JumpingWeather(WeatherScene):
    """Weather that jumps with each `step`, or at each look: an old value is seen to be old."""

    def __init__(self, chance: Random, *, at_each_look: bool = False) -> None:
        super().__init__()
        self._chance = own(chance)
        self._at_each_look = at_each_look
        self.had: list[Weather] = []
        self.step()

    def at(self, seconds: float) -> Weather:
        del seconds
        if self._at_each_look:
            self._jump()
        return self.had[-1]

    def step(self) -> None:
        """Jump, unless it jumps by itself."""
        if not (self._at_each_look and self.had):
            self._jump()

    def _jump(self) -> None:
        uniform = self._chance.uniform
        # Away from a vane's dead band, below a BH1750's full scale, and in steps that a
        # pyranometer with the coarsest scale factor can tell.
        east, north = uniform(1.0, 8.0), self._chance.choice((-1, 1)) * uniform(0.5, 8.0)
        east *= self._chance.choice((-1, 1))
        sun = 10.0 * self._chance.randrange(2, 100)
        self.had.append(Weather(uniform(-5.0, 35.0), uniform(20.0, 95.0), east, north, sun))


class PassingTime:
    """A waiter and the time of all chips of a bus: it goes by only while somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Device:
    """A driver, and what it may rightly say: `values` of the weather now, to `tolerance`.

    A polled device tells of the present; a talking one of anything since the last it told of.
    `whole`: its values are all of one look. `pause_s` goes by before each measurement.
    """

    driver: AnyDriver
    scene: JumpingWeather
    values: Values
    tolerance: Mapping[Quantity, float]
    whole: bool = True
    pause_s: float = 0.0
    present_only: bool = True
    told: int = -1
    _talk: Iterator[Measured] | None = None

    def measure(self) -> Measured:
        """Measure once, as the supervisor has it; AssertionError at a value that is not right."""
        try:
            if isinstance(self.driver, PolledDriver):
                measured = self.driver.read()
            else:
                if self._talk is None:
                    self._talk = self.driver.listen()
                measured = next(self._talk)
        except DeviceError:
            self._talk = None
            raise
        self._check(good(measured))
        return measured

    def _check(self, told: Mapping[Key, float]) -> None:
        moving = {key: value for key, value in told.items() if not self._is_constant(key)}
        first = len(self.scene.had) - 1 if self.present_only else self.told + 1
        wrong = {key: told[key] for key in told.keys() - moving.keys() - {*self._fitting(told, 0)}}
        unexplained = dict(moving)
        for at in range(max(0, first), len(self.scene.had)) if moving else ():
            fitting = self._fitting(moving, at)
            if len(fitting) == len(moving):
                self.told, unexplained = at, {}
                break
            if not self.whole:
                for key in fitting:
                    unexplained.pop(key, None)
        wrong |= unexplained
        assert not wrong, f"{wrong} was never measured; now {self.values(self.scene.had[-1])}"

    def _is_constant(self, key: Key) -> bool:
        """Whether it says nothing of when it was measured, as rain that does not fall."""
        if isinstance(key, Measurand) and key.channel:
            return True
        return len({self.values(weather)[quantity_of(key)] for weather in self.scene.had}) == 1

    def _fitting(self, told: Mapping[Key, float], at: int) -> list[Key]:
        right = self.values(self.scene.had[at])
        return [key for key, value in told.items() if self._fits(key, value, right)]

    def _fits(self, key: Key, value: float, right: Mapping[Quantity, float]) -> bool:
        quantity = quantity_of(key)
        if isinstance(key, Measurand) and key.channel:
            return value == 0.0  # a heating that is off
        away = abs(value - right[quantity])
        if quantity is Quantity.WIND_DIRECTION:
            away = min(away, 360.0 - away)
        return away <= self.tolerance[quantity]


class Twin(Protocol):
    """A simulated device with faults on demand."""

    FAULTS: ClassVar[Sequence[str]]
    faults: Faults


@dataclass
class Bench:
    """A device under test and, where it shares its link, another one beside it."""

    device: Device
    twin: Twin
    unplug: Callable[[], None]
    plug: Callable[[], None]
    beside: Device | None = None
    bus: SimulatedI2cBus | None = None
    silence: int = 1
    """How many answers left out make the device silent."""
    gives: frozenset[Quantity] = frozenset()
    """All that it measures, once it has."""
    freed: list[str] = field(default_factory=list[str])
    """How often a stuck bus was freed."""

    def fail(self, kind: str, times: int = 1) -> None:
        """Order a fault of the twin, or of its bus."""
        if kind == "held" and self.bus is not None:
            self.bus.hold()
        else:
            self._faults(kind).order(kind, times)

    def left(self, kind: str) -> int:
        """How often it is still to come."""
        return 0 if kind == "held" else self._faults(kind).left(kind)

    def measure(self) -> Measured:
        """Let time go on, and measure."""
        self.device.scene.step()
        if self.device.pause_s:
            self.device.driver.waiter.sleep(self.device.pause_s)
        return self.device.measure()

    def attempt(self) -> Measured | DeviceError:
        """The same, with the error as a value."""
        try:
            return self.measure()
        except DeviceError as error:
            return error

    def _faults(self, kind: str) -> Faults:
        if self.bus is not None and kind in self.bus.FAULTS:
            return self.bus.faults
        return self.twin.faults


def own(chance: Random) -> Random:
    """Another source of chance, for one user alone: threads make no difference to it."""
    return Random(chance.getrandbits(32))


def quantity_of(key: Key) -> Quantity:
    return key.quantity if isinstance(key, Measurand) else key


def good(measured: Measured) -> dict[Key, float]:
    """Values that a driver gives without reserve."""
    return {key: value for key, value in measured.items() if not isinstance(value, Flagged)}


def flagged(measured: Measured) -> dict[Key, Flagged]:
    return {key: value for key, value in measured.items() if isinstance(value, Flagged)}
