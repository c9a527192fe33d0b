"""A worker stepped by hand, on a clock that moves only when told."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from random import Random

from edge_gateway.clock import WallTime
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import PolledDriver, TalkingDriver
from edge_gateway.reading import Event, Flag, Measured, Quantity, Reading, Stamp
from edge_gateway.supervise import AnyDriver, Worker

GOOD: Measured = {Quantity.AIR_TEMPERATURE: 21.5}
SECOND = 1_000_000_000

Answer = Measured | Exception


class FrozenClock:
    """Moves when told, and nothing else moves it."""

    def __init__(self) -> None:
        self.ns = 5 * SECOND

    def now(self) -> Stamp:
        return Stamp("boot", self.ns)

    def wall(self, stamp: Stamp) -> WallTime | None:  # noqa: ARG002  the protocol's
        return None

    def sleep(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


class Slowest(Random):
    """No jitter: the longest wait that is allowed."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


class Polled(PolledDriver[DeviceConfig, None]):
    answers: list[Answer]
    read_s: float

    def read(self) -> Measured:
        self.waiter.sleep(self.read_s)
        return given_or_raised(self.answers.pop(0))


class Talking(TalkingDriver[DeviceConfig, None]):
    answers: list[Answer]
    read_s: float

    def listen(self) -> Iterator[Measured]:
        while self.answers:
            yield given_or_raised(self.answers.pop(0))


def given_or_raised(answer: Answer) -> Measured:
    if isinstance(answer, Exception):
        raise answer
    return answer


class Bench:
    """A worker with its sinks, its clock, and what its device will answer, one a read."""

    def __init__(self, *answers: Answer, talking: bool = False, period_s: float = 10.0) -> None:
        self.answers = list(answers)
        self.clock = FrozenClock()
        self.delivered: list[Sequence[Reading]] = []
        self.events: list[Event] = []
        self.opened = self.closed = 0
        self.read_s = 0.0
        self.open_error: Exception | None = None
        self.kind: type[Polled | Talking] = Talking if talking else Polled
        self.config = DeviceConfig(id="roof", driver="fake", period_s=period_s)
        self.worker = self.make(Slowest())

    def make(self, random: Random) -> Worker:
        return Worker(
            self.config,
            self.open,
            self.clock,
            random,
            deliver=self.delivered.append,
            report=self.events.append,
            close_link=self.close,
        )

    def open(self) -> AnyDriver:
        self.opened += 1
        if self.open_error is not None:
            raise self.open_error
        driver = self.kind(self.config, None, self.clock)
        driver.answers, driver.read_s = self.answers, self.read_s
        return driver

    def close(self) -> None:
        self.closed += 1

    def steps(self, count: int) -> list[float]:
        """Step, then let the time pass that the worker asks for; return those pauses."""
        pauses: list[float] = []
        for _ in range(count):
            pause = self.worker.step()
            pauses.append(round(pause, 6))
            if math.isfinite(pause):
                self.clock.sleep(pause)
        return pauses

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    @property
    def flags(self) -> list[Flag]:
        return [reading.flag for readings in self.delivered for reading in readings]
