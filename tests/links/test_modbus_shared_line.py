"""Three slaves on one RS-485 line, one dead and one noisy: the healthy one loses nothing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Self

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.links.errors import DeviceError, DeviceSilent
from edge_gateway.links.frames import with_modbus_crc
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flag, Reading
from edge_gateway.supervise import Worker
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_slave import SharedLine
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from tests.links.scripted_modbus import Line

HEALTHY, NOISY, DEAD = 1, 2, 3
NOISES = (b"\x00\xff\x31", b"\x02\x03\x02", b"\xff" * 40, b"\x02\x03\x02\x00\x07\x00\x00")


class Street(Line):
    """A line of three slaves in its own time: what it answers, and how long that takes."""

    def __init__(self, seed: int) -> None:
        super().__init__(self.reply)
        self.chance = Random(seed)

    @property
    def asked(self) -> list[int]:
        return [data[0] for data in self.sent]

    def reply(self, ask: bytes) -> Iterable[tuple[float, bytes]]:
        if ask[0] == HEALTHY:
            yield 0.03, with_modbus_crc(ask[:2] + b"\x02\x00\x07")
        elif ask[0] == NOISY:
            yield 0.03, self.chance.choice(NOISES)


@pytest.mark.parametrize("seed", range(4))
def test_the_healthy_slave_is_read_every_second_beside_a_dead_and_a_noisy_one(seed: int) -> None:
    street = Street(seed)
    master = ModbusLine(street, street)
    read, late_s = 0, 0.0
    for second in range(600):
        street.now_s = max(street.now_s, 200.0 + second)
        for unit in (DEAD, NOISY, HEALTHY):
            try:
                master.read_holding(unit, 0, 1)
            except DeviceError:
                assert unit != HEALTHY
                continue
            read += 1
            late_s = max(late_s, street.now_s - (200.0 + second))
    assert read == 600
    # at worst both others take their whole time, and a late answer's, before its turn
    assert late_s < 2.1
    assert street.asked.count(DEAD) < 600 / 15


class Pole:
    """A real line with a healthy and a noisy slave, and nobody at the address of the third."""

    def __init__(self, timeout_s: float) -> None:
        scene, self.clock = WeatherScene(3), SystemClock()
        self.line = PtyLine()
        self.port = SerialPort(self.line.path, 19200)
        self.port.discard_input()
        self.master = ModbusLine(self.port, self.clock, timeout_s=timeout_s)
        self.noisy = KippSmpTwin(self.line, scene, unit=NOISY, late_s=1.5 * timeout_s)
        healthy = HuksefluxTwin(self.line, scene, unit=HEALTHY)
        self.slaves = SharedLine(self.line, [healthy, self.noisy])

    def __enter__(self) -> Self:
        self.slaves.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.slaves.stop()
        self.port.close()
        self.line.close()


def hammer(pole: Pole, unit: int, chance: Random, stop: Event) -> int:
    """Ask a slave without mercy; the noisy one has ten faults at once. How often it answered."""
    answered = 0
    kinds = [kind for kind in KippSmpTwin.FAULTS if kind != "silent"]  # the dead one is that
    while not stop.wait(0.02):
        if unit == NOISY:
            pole.noisy.faults.clear()
            for kind in chance.sample(kinds, 10):
                pole.noisy.fail(kind)
        with contextlib.suppress(DeviceError):
            pole.master.read_input(unit, 2, 8)
            answered += 1
    return answered


def test_ten_faults_at_once_on_the_line_cost_the_healthy_slave_no_reading() -> None:
    """Beside a real supervisor's polls two others are asked all the time, dead and noisy."""
    got: list[Reading] = []
    enough, stop = Event(), Event()

    def deliver(readings: Iterable[Reading]) -> None:
        got.extend(readings)
        if len(got) >= 2 * 25:
            enough.set()

    with Pole(timeout_s=0.25) as pole, ThreadPoolExecutor() as threads:
        others = [threads.submit(hammer, pole, unit, Random(unit), stop) for unit in (NOISY, DEAD)]
        config = HuksefluxConfig(id="sun", driver="hukseflux", port=pole.line.path, period_s=0.1)
        sun = Hukseflux(config, pole.master, pole.clock)
        worker = Worker(config, lambda: sun, pole.clock, Random(1), deliver, lambda _: None)
        worker.start()
        done = enough.wait(40)
        stop.set()
        assert done
        assert worker.stop()
        answered = [other.result(10) for other in others]
    assert answered[1] == 0
    assert not [reading for reading in got if reading.flag is Flag.MISSING]
    counts = worker.health().counts
    assert (counts.silences, counts.link_losses, counts.restarts) == (0, 0, 0)
    # its own retries: a late answer of the noisy one may fall into its exchange
    assert counts.bad_frames <= 2


def test_a_dead_slave_costs_the_line_next_to_no_time_and_no_processor() -> None:
    with Pole(timeout_s=0.05) as pole:
        began_s, worked_s = time.monotonic(), time.thread_time()
        for _ in range(100):
            assert pole.master.read_holding(HEALTHY, 2, 5)
            with pytest.raises(DeviceSilent):
                pole.master.read_holding(DEAD, 2, 5)
        took_s, worked_s = time.monotonic() - began_s, time.thread_time() - worked_s
    assert took_s < 100 * 0.05  # without quarantine the dead slave alone would take this
    assert worked_s / 100 < 0.005  # half a percent of a core at one poll a second
