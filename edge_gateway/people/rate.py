"""How many pictures are looked at: as many as processor time and temperature allow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from edge_gateway.people.boundary import RateLimit
from edge_gateway.people.observation import LONGEST_GAP_S

SPAN_S: Final = 5.0
"""Processor time is judged over so long: one slow picture is no trend."""
OVER: Final = 1.05
"""So much over the budget is over it, and with `SPARE` of it one step faster is tried: between
the two nothing changes."""
SPARE: Final = 0.9
CALM_SPANS: Final = 3
HEAT_S: Final = 15.0
"""A heat sink follows its processor in tens of seconds."""
STEP: Final = 0.8
COOL_CELSIUS: Final = 5.0
"""So far below the limit it must be before anything is given back."""
PATIENCE_S: Final = 60.0
LONGEST_PATIENCE_S: Final = 1800.0
"""Waited before giving back; twice as long each time that it was too early."""
SLOWEST_RATE: Final = 1.25 / LONGEST_GAP_S
"""Pictures a second below which nobody is followed: less would cost time and count nothing."""
LEAST_SHARE: Final = 0.05
_COST_MEMORY: Final = 0.2


class Vitals(Protocol):
    """How the machine fares."""

    def celsius(self) -> float | None:
        """Temperature of the processor; None where nobody knows."""
        ...

    def is_throttled(self) -> bool:
        """Whether it is held back just now, by heat or by a weak supply."""
        ...


@dataclass(frozen=True, slots=True)
class Budget:
    """Share of one core on average, temperature, and the picture that is looked at at most."""

    max_cpu: float
    max_celsius: float
    every: int


class Pace:
    """Decides which picture is looked at next: each `stride`-th of the source.

    `cpu` is the processor time of this process so far in seconds, as `time.process_time`.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        vitals: Vitals,
        cpu: Callable[[], float],
        say: Callable[[str], None],
        start_s: float,
    ) -> None:
        self.stride = budget.every
        self.limit: RateLimit = "none"
        self._budget = budget
        self._vitals = vitals
        self._cpu = cpu
        self._say = say
        self._cap = budget.max_cpu
        self._cap_cause: RateLimit = "cpu"
        self._span_start_s, self._span_cpu_s = start_s, cpu()
        self._looks = 0
        self._cost_s = self._begun_s = 0.0
        self._calm = 0
        self._heat_s = start_s
        self._cool_since_s = start_s
        self._raised_s = -math.inf
        self._patience_s = PATIENCE_S
        self._share = 0.0
        self._strained = False

    def begin(self) -> None:
        """A picture is about to be looked at."""
        self._begun_s = self._cpu()

    def end(self) -> None:
        """It was looked at."""
        cost_s = self._cpu() - self._begun_s
        self._looks += 1
        known = self._cost_s or cost_s
        self._cost_s = known + _COST_MEMORY * (cost_s - known)

    def tick(self, now_s: float, source_rate: float) -> None:
        """Judge what was used since the last time, when it is long enough ago."""
        elapsed_s = now_s - self._span_start_s
        if elapsed_s < SPAN_S:
            return
        used_s = self._cpu() - self._span_cpu_s
        self._share = used_s / elapsed_s
        if now_s - self._heat_s >= HEAT_S:
            self._heat_s = now_s
            self._mind_heat(now_s)
        if self._looks and self._cost_s and source_rate > 0:
            around = max(0.0, self._share - self._looks * self._cost_s / elapsed_s)
            self._steer(around, source_rate)
        self._span_start_s, self._span_cpu_s, self._looks = now_s, self._cpu(), 0
        self._tell()

    def _steer(self, around: float, source_rate: float) -> None:
        """Take another stride when the share is over the cap, or would not be with a shorter one.

        `around` is the share that goes on whatever is looked at: reading and decoding.
        """
        every = self._budget.every
        longest = max(every, math.floor(source_rate / SLOWEST_RATE))
        over = self._share > OVER * self._cap
        self._strained = over and self.stride >= longest
        if over:
            affordable = max(self._cap - around, 0.0) / self._cost_s
            wanted = math.ceil(source_rate / affordable) if affordable > 0 else longest
            self.stride = min(max(wanted, self.stride + 1), longest)
        self.stride = min(max(self.stride, every), longest)
        faster = around + self._cost_s * source_rate / max(self.stride - 1, 1)
        spare = self.stride > every and faster <= SPARE * self._cap
        self._calm = self._calm + 1 if spare else 0
        if self._calm >= CALM_SPANS:
            self.stride, self._calm = self.stride - 1, 0

    def _mind_heat(self, now_s: float) -> None:
        """Lower the cap while it is too hot or throttled; raise it again after a patient while."""
        celsius = self._vitals.celsius()
        throttled = self._vitals.is_throttled()
        if throttled or (celsius is not None and celsius >= self._budget.max_celsius):
            if now_s - self._raised_s < 2 * self._patience_s:
                self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S)
                self._raised_s = -math.inf
            self._cap = max(LEAST_SHARE, STEP * min(self._cap, self._share))
            self._cap_cause = "throttled" if throttled else "heat"
            self._cool_since_s = now_s
        elif celsius is not None and celsius > self._budget.max_celsius - COOL_CELSIUS:
            self._cool_since_s = now_s
        elif now_s - self._cool_since_s >= self._patience_s and self._cap < self._budget.max_cpu:
            self._cap = min(self._budget.max_cpu, self._cap / STEP)
            self._raised_s = self._cool_since_s = now_s
        if self._cap >= self._budget.max_cpu:
            self._cap_cause = "cpu"
            if now_s - self._raised_s > LONGEST_PATIENCE_S:
                self._patience_s = PATIENCE_S

    def _tell(self) -> None:
        """Say why pictures are left out, once a reason."""
        limit: RateLimit = self._cap_cause if self.stride > self._budget.every else "none"
        if self._strained:
            limit = self._cap_cause
        if limit == self.limit:
            return
        self.limit = limit
        if limit == "none":
            self._say("looks at as many pictures again as it was told to")
            return
        reason = {
            "cpu": f"more would take over max_cpu = {self._budget.max_cpu:g} of a core",
            "heat": f"the processor is above max_celsius = {self._budget.max_celsius:g}",
            "throttled": "the board is throttled: check its power supply and its cooling",
        }[limit]
        self._say(f"looks at each {self.stride}. picture only: {reason}")
