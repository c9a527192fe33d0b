"""How many pictures are looked at, on a clock, a processor and a thermometer made here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_gateway.people.pi_throttle import GET_THROTTLED, PiVitals
from edge_gateway.people.rate import LONGEST_GAP_S, Budget, Pace

SOURCE_RATE = 25.0
TICK_S = 0.2


@dataclass
class Machine:
    """A processor on which a picture costs `cost_s`, and all the rest `around` of a core."""

    cost_s: float = 0.02
    around: float = 0.1
    celsius_at: Callable[[float], float | None] = lambda _now_s: None
    throttled_at: Callable[[float], bool] = lambda _now_s: False
    now_s: float = 0.0
    used_s: float = 0.0
    said: list[str] = field(default_factory=list[str])
    strides: list[int] = field(default_factory=list[int])

    def celsius(self) -> float | None:
        return self.celsius_at(self.now_s)

    def is_throttled(self) -> bool:
        return self.throttled_at(self.now_s)

    def cpu(self) -> float:
        return self.used_s

    def pace(self, *, max_cpu: float = 0.75, every: int = 1) -> Pace:
        budget = Budget(max_cpu, 75.0, every)
        return Pace(budget, vitals=self, cpu=self.cpu, say=self.said.append, start_s=self.now_s)

    def run(self, pace: Pace, seconds: float) -> float:
        """Run for so long; return the share of a core used in the second half."""
        due, start_s, half = 0.0, self.now_s, self.used_s
        while self.now_s < start_s + seconds:
            due += SOURCE_RATE * TICK_S / pace.stride
            self.used_s += self.around * TICK_S
            while due >= 1:
                pace.begin()
                self.used_s += self.cost_s
                pace.end()
                due -= 1
            self.now_s = round(self.now_s + TICK_S, 6)
            pace.tick(self.now_s, SOURCE_RATE)
            self.strides.append(pace.stride)
            if self.now_s <= start_s + seconds / 2:
                half = self.used_s
        return (self.used_s - half) / (seconds / 2)


def test_with_time_to_spare_each_picture_is_looked_at_and_nothing_said() -> None:
    machine = Machine(cost_s=0.02)
    pace = machine.pace()
    machine.run(pace, 60)
    assert (pace.stride, pace.limit, machine.said) == (1, "none", [])


@pytest.mark.parametrize("max_cpu", [0.3, 0.5, 0.75])
@pytest.mark.parametrize("cost_s", [0.03, 0.05, 0.08])
def test_the_budget_is_held_and_most_of_it_used(max_cpu: float, cost_s: float) -> None:
    machine = Machine(cost_s=cost_s)
    pace = machine.pace(max_cpu=max_cpu)
    share = machine.run(pace, 120)
    next_faster = machine.around + cost_s * SOURCE_RATE / max(pace.stride - 1, 1)
    assert share <= 1.05 * max_cpu
    assert next_faster > 0.9 * max_cpu


def test_the_rate_does_not_swing() -> None:
    machine = Machine(cost_s=0.05)
    machine.run(machine.pace(), 600)
    settled = machine.strides[len(machine.strides) // 10 :]
    assert len(set(settled)) == 1


def test_a_reason_is_said_once_and_reported() -> None:
    machine = Machine(cost_s=0.05)
    pace = machine.pace()
    machine.run(pace, 300)
    assert pace.limit == "cpu"
    assert len(machine.said) == 1
    assert "max_cpu = 0.75" in machine.said[0]


def test_cheaper_pictures_bring_the_rate_back() -> None:
    machine = Machine(cost_s=0.08)
    pace = machine.pace()
    machine.run(pace, 60)
    machine.cost_s = 0.01
    machine.run(pace, 200)
    assert (pace.stride, pace.limit) == (1, "none")
    assert machine.said[-1] == "looks at as many pictures again as it was told to"


def test_never_more_than_each_every_th() -> None:
    machine = Machine(cost_s=0.001)
    pace = machine.pace(every=3)
    machine.run(pace, 100)
    assert (set(machine.strides), pace.limit) == ({3}, "none")


def test_nobody_is_lost_between_two_pictures_even_when_the_budget_cannot_be_held() -> None:
    machine = Machine(cost_s=0.3)
    pace = machine.pace(max_cpu=0.2)
    machine.run(pace, 60)
    assert pace.stride / SOURCE_RATE <= LONGEST_GAP_S
    assert pace.limit == "cpu"


def test_heat_lowers_the_rate_and_cool_brings_it_back() -> None:
    machine = Machine(cost_s=0.02, celsius_at=lambda now_s: 80.0 if now_s < 60 else 50.0)
    pace = machine.pace()
    hot = machine.run(pace, 60)
    assert pace.limit == "heat"
    assert hot < 0.5
    machine.run(pace, 1200)
    assert (pace.stride, pace.limit) == (1, "none")


def test_a_little_below_the_limit_nothing_is_given_back() -> None:
    machine = Machine(cost_s=0.02, celsius_at=lambda now_s: 80.0 if now_s < 60 else 72.0)
    pace = machine.pace()
    machine.run(pace, 60)
    slow = pace.stride
    machine.run(pace, 1200)
    assert pace.stride == slow


def test_a_processor_that_heats_up_again_is_not_driven_up_and_down() -> None:
    """50 degC idle and 40 more at a full core, with a lag of a minute."""
    machine = Machine(cost_s=0.03)
    warm = [60.0, 0.0]

    def celsius(_now_s: float) -> float:
        used_s, warm[1] = machine.used_s - warm[1], machine.used_s
        target = 50 + 40 * used_s / 15
        warm[0] += (target - warm[0]) * 15 / 60
        return warm[0]

    machine.celsius_at = celsius
    pace = machine.pace()
    machine.run(pace, 3600)
    changes = sum(a != b for a, b in zip(machine.strides, machine.strides[1:], strict=False))
    assert warm[0] < 80
    assert changes <= 25


def test_a_throttled_board_is_named_with_what_to_do() -> None:
    machine = Machine(cost_s=0.02, throttled_at=lambda _now_s: True)
    pace = machine.pace()
    machine.run(pace, 60)
    assert pace.limit == "throttled"
    assert "power supply" in machine.said[0]


@pytest.mark.parametrize(
    ("bits", "now"),
    [("0", False), ("50000", False), ("50005", True), ("8", True), ("e0000", False), ("", False)],
)
def test_only_what_is_throttled_now_counts(tmp_path: Path, bits: str, *, now: bool) -> None:
    path = tmp_path / GET_THROTTLED
    path.parent.mkdir(parents=True)
    path.write_text(bits + "\n")
    assert PiVitals(tmp_path).is_throttled() is now


def test_the_alarm_of_the_supply_is_throttling(tmp_path: Path) -> None:
    monitor = tmp_path / "class/hwmon/hwmon1"
    monitor.mkdir(parents=True)
    (monitor / "name").write_text("rpi_volt\n")
    (monitor / "in0_lcrit_alarm").write_text("1\n")
    assert PiVitals(tmp_path).is_throttled()


def test_the_processor_is_told_from_the_battery(tmp_path: Path) -> None:
    for number, (kind, level) in enumerate([("battery", 91000), ("cpu-thermal", 48312)]):
        zone = tmp_path / f"class/thermal/thermal_zone{number}"
        zone.mkdir(parents=True)
        (zone / "type").write_text(kind + "\n")
        (zone / "temp").write_text(f"{level}\n")
    assert PiVitals(tmp_path).celsius() == pytest.approx(48.312)


def test_a_machine_that_tells_nothing_is_neither_hot_nor_throttled(tmp_path: Path) -> None:
    vitals = PiVitals(tmp_path)
    assert (vitals.celsius(), vitals.is_throttled()) == (None, False)
