"""Windows on the monotonic clock, and the summariser that fills and closes them.

A window is a multiple of its length after the boot: [k * window_s, (k + 1) * window_s). It owes
nothing to the wall clock, which may be unset or step; its summaries are stamped with its end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic, Window
from edge_gateway.summarise.scalar import STATISTICS, ScalarWindow
from edge_gateway.summarise.tally import Summary
from edge_gateway.summarise.wind import RunningGust, WindWindow

WIND = frozenset({Quantity.WIND_SPEED, Quantity.WIND_DIRECTION})
# A sample stamped just before the end may be handed over just after it.
GRACE_S = 1.0


def window_of(at: Stamp, window_s: int) -> Window:
    """The window of `window_s` seconds that a stamp falls in; its own start is in, its end not."""
    length_ns = window_s * 1_000_000_000
    start_ns = at.monotonic_ns // length_ns * length_ns
    return Window(start_ns, start_ns + length_ns)


class Summariser:
    """Turns the samples of a pole into summaries, in memory that does not grow with their number.

    `expected_per_s` says how many samples a second each device gives; a device that is not in it,
    or gives less than one a window, is not summarised, and neither are counts, which are sums
    over their window already. Samples of one device come in order; for one thread only.
    A window in which a device gave nothing at all, not even a missing reading, yields nothing.
    """

    def __init__(self, expected_per_s: Mapping[str, float], window_s: int = 60) -> None:
        self._window_s = window_s
        self._rates = {d: rate for d, rate in expected_per_s.items() if rate * window_s >= 1}
        self._open: dict[str, _DeviceWindow] = {}
        self._closed_until_ns: dict[str, int] = {}
        self._gusts: dict[tuple[str, str], RunningGust] = {}
        self.late = 0
        """Samples that came after their window was closed; they are left out."""

    def add(self, readings: Iterable[Reading]) -> list[Reading]:
        """Take readings in; return the summaries of the windows that they show to be over."""
        closed: list[Reading] = []
        for reading in readings:
            if self._is_summarised(reading):
                closed += self._take(reading)
        return closed

    def advance(self, now: Stamp) -> list[Reading]:
        """Close the windows that are over by time, for devices that have gone quiet."""
        over_ns = now.monotonic_ns - round(GRACE_S * 1e9)
        over = [device for device, open_ in self._open.items() if open_.window.end_ns <= over_ns]
        return [summary for device in over for summary in self._close(device)]

    def _is_summarised(self, reading: Reading) -> bool:
        measurand = reading.measurand
        return (
            measurand.statistic is Statistic.SAMPLE
            and reading.device in self._rates
            and (measurand.quantity in STATISTICS or measurand.quantity in WIND)
        )

    def _take(self, reading: Reading) -> list[Reading]:
        device, closed = reading.device, list[Reading]()
        if reading.at.monotonic_ns < self._closed_until_ns.get(device, 0):
            self.late += 1
            return closed
        window = window_of(reading.at, self._window_s)
        open_ = self._open.get(device)
        if open_ is not None and window.start_ns < open_.window.start_ns:
            self.late += 1
            return closed
        if open_ is not None and window != open_.window:
            closed = self._close(device)
            open_ = None
        if open_ is None:
            open_ = _DeviceWindow(device, reading.at.boot_id, window)
            self._open[device] = open_
        self._fill(open_, reading)
        return closed

    def _fill(self, open_: _DeviceWindow, reading: Reading) -> None:
        quantity, channel = reading.measurand.quantity, reading.measurand.channel
        expected = self._rates[reading.device] * self._window_s
        if quantity in WIND:
            if channel not in open_.winds:
                open_.winds[channel] = WindWindow(expected, self._gust(reading.device, channel))
            open_.winds[channel].add(reading)
        else:
            if (quantity, channel) not in open_.scalars:
                open_.scalars[quantity, channel] = ScalarWindow(quantity, expected)
            open_.scalars[quantity, channel].add(reading)

    def _gust(self, device: str, channel: str) -> RunningGust | None:
        rate = self._rates[device]
        if not RunningGust.is_possible(rate):
            return None
        return self._gusts.setdefault((device, channel), RunningGust(rate))

    def _close(self, device: str) -> list[Reading]:
        open_ = self._open.pop(device)
        self._closed_until_ns[device] = open_.window.end_ns
        return open_.close(self._window_s)


class _DeviceWindow:
    """What one device gives within one window."""

    def __init__(self, device: str, boot_id: str, window: Window) -> None:
        self.window = window
        self.scalars: dict[tuple[Quantity, str], ScalarWindow] = {}
        self.winds: dict[str, WindWindow] = {}
        self._device = device
        self._end = Stamp(boot_id, window.end_ns)

    def close(self, window_s: int) -> list[Reading]:
        """All summaries of this window, stamped with its end."""
        parts = [(channel, part.close()) for (_, channel), part in self.scalars.items()]
        parts += [(channel, part.close()) for channel, part in self.winds.items()]
        return [
            self._reading(summary, channel, window_s)
            for channel, summaries in parts
            for summary in summaries
        ]

    def _reading(self, summary: Summary, channel: str, window_s: int) -> Reading:
        measurand = Measurand(summary.quantity, channel, summary.statistic, window_s)
        return Reading(
            device=self._device,
            measurand=measurand,
            value=_rounded(summary),
            flag=summary.flag,
            at=self._end,
            reasons=summary.reasons,
            calibration_id=summary.calibration_id,
        )


def _rounded(summary: Summary) -> float:
    if summary.flag is Flag.MISSING:
        return math.nan
    value = round(summary.value, summary.quantity.nature.decimals)
    # 359.97 degrees rounds to a full turn, which is north.
    return value % 360.0 if summary.quantity is Quantity.WIND_DIRECTION else value + 0.0
