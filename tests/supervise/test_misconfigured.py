"""A device that is misconfigured: off, said once, and opened anew at long intervals."""

from __future__ import annotations

import logging

import pytest

from edge_gateway.device_health import DeviceState
from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.reading import Flag
from tests.supervise.worker_bench import GOOD, Bench

NO_SUCH_REGISTER = Misconfigured("slave 1 has no register 2 (exception 2)")


def test_it_is_off_with_an_event_and_one_missing_reading() -> None:
    bench = Bench(GOOD, Misconfigured("wrong address 0x45"))
    assert bench.steps(2) == [10, 600]
    assert bench.worker.health().state is DeviceState.MISCONFIGURED
    assert bench.kinds == ["device_misconfigured"]
    assert "wrong address 0x45; it is tried again every 10 minutes" in bench.events[0].text
    assert bench.flags == [Flag.NOT_EVALUATED, Flag.MISSING]


def test_a_slave_that_refused_while_it_started_comes_back_by_itself() -> None:
    bench = Bench(GOOD, NO_SUCH_REGISTER, GOOD)
    assert bench.steps(3) == [10, 600, 10]
    assert bench.worker.health().state is DeviceState.UP
    assert bench.kinds == ["device_misconfigured", "device_up"]
    assert (bench.opened, bench.closed) == (2, 1)


def test_it_is_said_once_however_often_it_is_tried(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(GOOD, *[NO_SUCH_REGISTER] * 5)
    with caplog.at_level(logging.INFO):
        assert bench.steps(6) == [10, 600, 600, 600, 600, 600]
    assert bench.worker.health().state is DeviceState.MISCONFIGURED
    assert bench.kinds == ["device_misconfigured"]
    assert [record.levelname for record in caplog.records] == ["INFO", "ERROR"]
    assert bench.flags.count(Flag.MISSING) == 1


def test_a_port_that_is_gone_meanwhile_changes_nothing_that_was_said() -> None:
    bench = Bench(GOOD, NO_SUCH_REGISTER, LinkGone("unplugged"), GOOD)
    assert bench.steps(4) == [10, 600, 1, 9]
    assert bench.kinds == ["device_misconfigured", "device_up"]


def test_a_device_that_was_down_says_that_it_is_misconfigured() -> None:
    bench = Bench(GOOD, LinkGone("unplugged"), NO_SUCH_REGISTER)
    assert bench.steps(3) == [10, 1, 600]
    assert bench.kinds == ["device_down", "device_misconfigured"]
