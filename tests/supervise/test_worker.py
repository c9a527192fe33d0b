"""What each error costs: the worker stepped by hand, on a clock that moves only when told."""

from __future__ import annotations

import logging
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.device_health import DeviceState
from edge_gateway.links.errors import BadFrame, DeviceReset, DeviceSilent, LinkGone, Misconfigured
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from tests.supervise.worker_bench import GOOD, SECOND, Bench


def test_a_poll_is_delivered_with_the_stamp_of_its_arrival() -> None:
    bench = Bench(GOOD)
    bench.steps(1)
    measurand = Measurand(Quantity.AIR_TEMPERATURE)
    at = Stamp("boot", 5 * SECOND)
    assert bench.delivered == [[Reading("roof", measurand, 21.5, Flag.NOT_EVALUATED, at)]]


def test_the_pace_does_not_drift_with_the_time_a_read_takes() -> None:
    bench = Bench(*[GOOD] * 3)
    bench.read_s = 0.75
    assert bench.steps(3) == [9.25, 9.25, 9.25]


def test_slots_missed_by_a_slow_read_are_skipped_and_not_bunched() -> None:
    bench = Bench(GOOD, GOOD)
    bench.read_s = 25
    assert bench.steps(1) == [5.0]


def test_a_step_before_its_time_asks_nothing() -> None:
    bench = Bench(GOOD)
    bench.steps(1)
    bench.clock.ns -= 1
    assert bench.worker.step() == pytest.approx(1e-9)


def test_a_bad_frame_is_read_again_at_once() -> None:
    bench = Bench(BadFrame("crc"), BadFrame("crc"), GOOD)
    assert bench.steps(3) == [0, 0, 10]
    assert bench.flags == [Flag.NOT_EVALUATED]


def test_bad_frames_are_forgotten_after_a_good_one() -> None:
    bench = Bench(GOOD, BadFrame("crc"), BadFrame("crc"), GOOD, BadFrame("crc"), GOOD)
    bench.steps(6)
    assert Flag.MISSING not in bench.flags


def test_a_reset_is_an_event_and_the_device_is_read_again_at_once() -> None:
    bench = Bench(DeviceReset("configuration was at its default"), GOOD)
    assert bench.steps(2) == [0, 10]
    assert bench.kinds == ["device_reset"]
    assert bench.flags == [Flag.NOT_EVALUATED]


def test_a_device_with_nothing_new_to_say_is_neither_missing_nor_down() -> None:
    bench = Bench(GOOD, {}, GOOD)
    bench.steps(3)
    assert bench.flags == [Flag.NOT_EVALUATED, Flag.NOT_EVALUATED]


def test_a_poll_of_three_bad_frames_is_missing() -> None:
    bench = Bench(GOOD, *[BadFrame("crc")] * 3)
    assert bench.steps(4) == [10, 0, 0, 10]
    (missing,) = bench.delivered[1]
    assert (missing.flag, missing.reasons) == (Flag.MISSING, ("bad_frame",))
    assert math.isnan(missing.value)
    assert bench.worker.health().state is DeviceState.UP


def test_the_third_missing_poll_in_a_row_takes_the_device_down() -> None:
    bench = Bench(GOOD, *[BadFrame("crc")] * 12, GOOD)
    bench.steps(14)
    assert bench.kinds == ["device_down", "device_up"]
    assert bench.flags.count(Flag.MISSING) == 3


def test_a_silent_device_is_asked_after_1_2_4_and_at_most_60_seconds() -> None:
    bench = Bench(*[DeviceSilent("no answer")] * 9)
    assert bench.steps(9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_back_off_begins_anew_after_a_good_answer() -> None:
    bench = Bench(DeviceSilent(""), DeviceSilent(""), GOOD, DeviceSilent(""))
    assert bench.steps(4)[3] == 1


@given(seed=st.integers(min_value=0, max_value=2**32))
def test_jitter_only_shortens_a_wait_and_by_a_fifth_at_most(seed: int) -> None:
    bench = Bench(*[DeviceSilent("")] * 8)
    bench.worker = bench.make(Random(seed))
    for pause, nominal in zip(bench.steps(8), [1, 2, 4, 8, 16, 32, 60, 60], strict=True):
        assert 0.8 * nominal <= pause <= nominal


def test_a_device_that_stays_silent_goes_down_once_and_comes_back_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(GOOD, *[DeviceSilent("no answer")] * 6, GOOD)
    with caplog.at_level(logging.INFO, "edge_gateway.supervise"):
        bench.steps(8)
    assert bench.kinds == ["device_down", "device_up"]
    assert [record.getMessage() for record in caplog.records] == [
        "device roof (fake) is up",
        "device roof (fake) is down: no answer",
        "device roof (fake) is up",
    ]
    assert bench.flags == [Flag.NOT_EVALUATED, Flag.MISSING, Flag.NOT_EVALUATED]


@pytest.mark.parametrize("later", [[BadFrame("crc")] * 3, [Misconfigured("wrong")]])
def test_a_device_that_is_down_is_missing_once(later: list[Exception]) -> None:
    bench = Bench(GOOD, DeviceSilent("no answer"), *later)
    bench.steps(2 + len(later))
    assert bench.flags == [Flag.NOT_EVALUATED, Flag.MISSING]


def test_a_lost_link_is_closed_and_opened_anew_after_the_back_off() -> None:
    bench = Bench(GOOD, LinkGone("unplugged"), GOOD)
    assert bench.steps(3)[1] == 1
    assert (bench.opened, bench.closed) == (2, 1)


@pytest.mark.parametrize("error", [LinkGone("no such port"), DeviceSilent(""), BadFrame("")])
def test_a_device_that_cannot_be_opened_is_tried_again_and_again(error: Exception) -> None:
    bench = Bench()
    bench.open_error = error
    assert bench.steps(3) == [1, 2, 4]
    assert bench.opened == 3
    assert bench.kinds == ["device_down"]


def test_a_bug_opens_the_driver_anew_and_shows_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(ZeroDivisionError("oops"), GOOD)
    bench.steps(2)
    assert bench.opened == 2
    assert bench.worker.health().counts.restarts == 1
    assert caplog.records[0].exc_info is not None


def test_the_sixth_bug_within_a_minute_stops_the_device() -> None:
    bench = Bench(*[ZeroDivisionError("oops")] * 6)
    assert bench.steps(6) == [1, 2, 4, 8, 16, math.inf]
    assert bench.worker.health().state is DeviceState.STOPPED
    assert bench.kinds == ["device_down", "device_stopped"]


def test_rare_bugs_never_stop_a_device() -> None:
    bench = Bench(*[GOOD, ZeroDivisionError("oops")] * 20, GOOD, period_s=20)
    bench.steps(41)
    assert bench.worker.health().state is DeviceState.UP


def test_a_talking_device_is_listened_to_without_a_pause() -> None:
    bench = Bench(GOOD, GOOD, GOOD, talking=True)
    assert bench.steps(3) == [0, 0, 0]


def test_a_talking_device_that_fell_silent_is_listened_to_again_at_once() -> None:
    bench = Bench(GOOD, DeviceSilent(""), DeviceSilent(""), GOOD, talking=True)
    assert bench.steps(4) == [0, 0.1, 0.1, 0]
    assert bench.kinds == ["device_down", "device_up"]
    assert bench.opened == 1


def test_a_talk_that_ends_is_a_lost_link() -> None:
    bench = Bench(GOOD, talking=True)
    assert bench.steps(2) == [0, 1]
    assert bench.worker.health().counts.link_losses == 1


def test_health_counts_what_happened_and_keeps_the_last_reading() -> None:
    bench = Bench(GOOD, BadFrame("crc"), GOOD, DeviceSilent("no answer"), LinkGone("gone"))
    bench.steps(5)
    health = bench.worker.health()
    counts = health.counts
    assert (counts.readings, counts.bad_frames, counts.silences, counts.link_losses) == (2, 1, 1, 1)
    assert (health.state, health.last_error) == (DeviceState.DOWN, "gone")
    assert health.last_reading[Measurand(Quantity.AIR_TEMPERATURE)].flag is Flag.MISSING
