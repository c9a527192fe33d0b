"""What a picture costs, by stage, and what that says about a machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """The stations of a picture, in their order."""

    DECODE = "decode"
    MASK = "mask"
    SIGHT = "sight"
    LETTERBOX = "letterbox"
    INFERENCE = "inference"
    BOXES = "boxes"
    TRACKING = "tracking"
    COUNTING = "counting"
    SCENE = "scene"


EXPLAINED: Final[Mapping[Stage, str]] = {
    Stage.DECODE: "video to pixels",
    Stage.MASK: "black out what nobody is to see",
    Stage.SIGHT: "is it dark, covered, out of focus, turned away",
    Stage.LETTERBOX: "to the size of the network",
    Stage.INFERENCE: "the network itself",
    Stage.BOXES: "its output to boxes, doubles suppressed",
    Stage.TRACKING: "who is who",
    Stage.COUNTING: "two lines and a zone",
    Stage.SCENE: "learn the anonymized picture (pictures = none leaves it out)",
}
AROUND: Final = tuple(
    stage for stage in Stage if stage not in (Stage.DECODE, Stage.INFERENCE, Stage.SCENE)
)
"""Everything around inference that every counter does."""
ENOUGH_RATE: Final = 5.0
"""Pictures a second that cost no accuracy on the measured clip: every second one of its ten."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds a picture, in the mean."""

    cpu_ms: float
    wall_ms: float


class Stopwatch:
    """Adds up CPU and wall seconds by stage; the clocks are passed in."""

    def __init__(self, cpu: Callable[[], float], wall: Callable[[], float]) -> None:
        self._cpu, self._wall = cpu, wall
        self._spent = {stage: [0.0, 0.0] for stage in Stage}

    @contextmanager
    def time(self, stage: Stage) -> Generator[None]:
        """Add what the block takes to its stage."""
        wall_s, cpu_s = self._wall(), self._cpu()
        yield
        self._spent[stage][0] += self._cpu() - cpu_s
        self._spent[stage][1] += self._wall() - wall_s

    def costs(self, pictures: int) -> dict[Stage, Cost]:
        """Return what each stage took of each of so many pictures; ones never timed are free."""
        return {
            stage: Cost(1000 * cpu_s / pictures, 1000 * wall_s / pictures)
            for stage, (cpu_s, wall_s) in self._spent.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured. `size` is width and height in pixels."""

    machine: str
    cores: int
    source: str
    size: tuple[int, int]
    pictures: int
    model: int
    threads: int
    costs: Mapping[Stage, Cost]
    other_model: int
    other_model_cpu_ms: float
    """Letterbox, inference and boxes of the other model, a picture."""
    people: float
    """Followed at a time, in the mean."""
    rss_mb: float
    """The most memory the process had in use at a time."""

    @property
    def around_share(self) -> float:
        """CPU time around inference as a share of it; neither decoding nor the scene."""
        around = sum(self.costs[stage].cpu_ms for stage in AROUND)
        return around / self.costs[Stage.INFERENCE].cpu_ms

    @property
    def scene_share(self) -> float:
        """CPU time of the anonymized picture as a share of inference."""
        return self.costs[Stage.SCENE].cpu_ms / self.costs[Stage.INFERENCE].cpu_ms

    @property
    def cpu_ms(self) -> float:
        """CPU time a picture, all stages."""
        return sum(cost.cpu_ms for cost in self.costs.values())

    @property
    def rate(self) -> float:
        """Pictures a second of one core."""
        return 1000 / self.cpu_ms

    @property
    def other_rate(self) -> float:
        """The same with the other model."""
        mine = (Stage.LETTERBOX, Stage.INFERENCE, Stage.BOXES)
        rest = self.cpu_ms - sum(self.costs[stage].cpu_ms for stage in mine)
        return 1000 / (rest + self.other_model_cpu_ms)


def verdict(figures: Figures, max_cpu: float) -> str:
    """Say in a sentence or two what the machine holds, and what to set; `max_cpu` as shipped."""
    rate, other = figures.rate, figures.other_rate
    said = f"this machine holds {_rate(rate)} pictures/s at {figures.model} with one core"
    if figures.model < figures.other_model:
        exact_will_do = other * max_cpu >= ENOUGH_RATE
        return (
            f"{said}; model = {figures.other_model} holds {_rate(other)}"
            f"{', and that is enough' if exact_will_do else ''}"
        )
    if rate * max_cpu >= ENOUGH_RATE:
        kept = f"max_cpu = {max_cpu:g} leaves {_rate(rate * max_cpu)}, and that is enough"
        return f"{said}; {kept}; model = {figures.other_model} holds {_rate(other)}"
    least = f"{ENOUGH_RATE:g} pictures/s are needed"
    if other * max_cpu >= ENOUGH_RATE:
        return f"{said}; set model = {figures.other_model} for {_rate(other)}: {least}"
    if other >= ENOUGH_RATE:
        need = math.ceil(100 * ENOUGH_RATE / other) / 100
        return (
            f"{said}; set model = {figures.other_model} for {_rate(other)} and"
            f" max_cpu = {need:g}: {least}"
        )
    return (
        f"{said}; model = {figures.other_model} holds {_rate(other)}, and {least}: count with"
        " a smaller picture or on a faster machine"
    )


def _rate(value: float) -> str:
    return f"{value:.1f}" if value < 10 else f"{value:.0f}"  # noqa: PLR2004  (two figures will do)
