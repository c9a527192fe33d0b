"""A worker on its own thread: it starts, it waits, and it stops when told, whatever it waits for.

The only tests of this station on a real clock; every wait is for an event and has an end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random

from edge_gateway.clock import SystemClock
from edge_gateway.config import DeviceConfig
from edge_gateway.device_health import DeviceState
from edge_gateway.drivers.contract import PolledDriver, TalkingDriver
from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.reading import Event, Flag, Measured, Quantity, Reading
from edge_gateway.supervise import AnyDriver, Worker

SOON_S = 5.0


class Line:
    """A link on which nothing comes until it is closed."""

    def __init__(self) -> None:
        self.listening = threading.Event()
        self.closed = threading.Event()


class Polled(PolledDriver[DeviceConfig, Line]):
    def read(self) -> Measured:
        return {Quantity.AIR_TEMPERATURE: 21.5}


class Mute(TalkingDriver[DeviceConfig, Line]):
    def listen(self) -> Iterator[Measured]:
        self.link.listening.set()
        self.link.closed.wait(SOON_S)
        raise LinkGone("closed under the reader")
        yield {}


class Bench:
    def __init__(self, kind: type[Polled | Mute]) -> None:
        self.kind = kind
        self.line = Line()
        self.arrived = threading.Event()
        self.delivered: list[Sequence[Reading]] = []
        self.told = threading.Event()
        self.events: list[Event] = []
        self.refusal: Misconfigured | None = None
        self.config = DeviceConfig(id="roof", driver="fake", period_s=3600)
        self.worker = Worker(
            self.config,
            self.open,
            SystemClock(trusted=True),
            Random(1),
            deliver=self.deliver,
            report=self.report,
            assess=lambda reading: replace(reading, flag=Flag.GOOD),
            close_link=self.line.closed.set,
        )

    def open(self) -> AnyDriver:
        if self.refusal is not None:
            raise self.refusal
        return self.kind(self.config, self.line, SystemClock(trusted=True))

    def deliver(self, readings: Sequence[Reading]) -> None:
        self.delivered.append(readings)
        self.arrived.set()

    def report(self, event: Event) -> None:
        self.events.append(event)
        self.told.set()


def test_a_worker_that_waits_for_its_next_poll_stops_at_once() -> None:
    bench = Bench(Polled)
    bench.worker.start()
    assert bench.arrived.wait(SOON_S)
    began = time.monotonic()
    assert bench.worker.stop()
    assert time.monotonic() - began < 1.0


def test_a_worker_blocked_in_its_link_stops_when_the_link_is_closed() -> None:
    bench = Bench(Mute)
    bench.worker.start()
    assert bench.line.listening.wait(SOON_S)
    assert bench.worker.stop()


def test_what_breaks_on_the_way_out_is_not_held_against_the_device() -> None:
    bench = Bench(Mute)
    bench.worker.start()
    assert bench.line.listening.wait(SOON_S)
    bench.worker.stop()
    assert bench.events == []
    assert bench.worker.health().state is DeviceState.STOPPED


def test_a_worker_closes_its_link_when_it_stops() -> None:
    bench = Bench(Polled)
    bench.worker.start()
    assert bench.arrived.wait(SOON_S)
    bench.worker.stop()
    assert bench.line.closed.is_set()


def test_a_worker_that_was_never_started_stops_too() -> None:
    assert Bench(Polled).worker.stop()


def test_a_misconfigured_device_is_given_up_and_says_so() -> None:
    bench = Bench(Polled)
    bench.refusal = Misconfigured("no permission for the port: add the user to the group dialout")
    bench.worker.start()
    assert bench.told.wait(SOON_S)
    assert bench.worker.health().state is DeviceState.MISCONFIGURED


def test_trust_sees_a_reading_before_anybody_else() -> None:
    bench = Bench(Polled)
    bench.worker.step()
    ((reading,),) = bench.delivered
    assert reading.flag is Flag.GOOD
    assert bench.worker.health().last_reading[reading.measurand] == reading
