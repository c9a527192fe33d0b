"""What one sensor advertisement says, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass

from edge_gateway.links.errors import DeviceSilent
from edge_gateway.reading import Measured

MANUFACTURER_FIELD, SERVICE_FIELD = 0xFF, 0x16  # types of advertising fields

# An encrypted counter below this may have begun anew with a new battery; above, a lower one than
# the last is an old advertisement played again.
BEGUN_ANEW = 100
COUNTS_PER_INTERVAL = 20  # it may send more often than its configuration says

NOTHING_NEW = "it repeats its last sample, or an old one, and measures nothing new"
OTHER_FORMAT = "it advertises, but nothing in the `format` it is configured for"


@dataclass(frozen=True, slots=True)
class Sample:
    """What one advertisement measured, and the mark that tells it from the one before.

    The mark is the device's own count, or the payload where it has none. `only_rises` says that a
    lower one is an old advertisement played again, unless the device began to count anew.
    """

    measured: Measured
    mark: int | bytes
    only_rises: bool = False


class Succession:
    """The marks of one device as they came: tells a new measurement from an old one."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: int | bytes | None = None
        self._last_s = 0.0
        self._of_old_battery = 0
        self._fresh_s: float | None = None

    def takes(self, sample: Sample, heard_s: float) -> bool:
        """Whether it is another measurement than those before; if so it is the last one now."""
        last, mark = self._last, sample.mark
        is_new = mark != last
        if sample.only_rises and isinstance(mark, int) and isinstance(last, int):
            is_new = self._follows(mark, last, heard_s)
            if is_new and mark < last:
                self._of_old_battery = max(self._of_old_battery, last)
        if is_new:
            self._last, self._last_s = mark, heard_s
            self._fresh_s = heard_s
        return is_new

    def measured(self, sample: Sample | None, heard_s: float, patience_s: float) -> Measured | None:
        """What a new sample measured, nothing of one that is not new, None where there is none.

        Raises DeviceSilent when there was nothing new for longer than `patience_s`.
        """
        if sample is not None and self.takes(sample, heard_s):
            return sample.measured
        if self._fresh_s is None:
            self._fresh_s = heard_s
        if heard_s - self._fresh_s > patience_s:
            raise DeviceSilent(OTHER_FORMAT if sample is None else NOTHING_NEW)
        return None if sample is None else {}

    def _follows(self, mark: int, last: int, heard_s: float) -> bool:
        if mark <= last:
            return mark < min(last, BEGUN_ANEW)
        # Counts of the old battery may be played again to the new one: of those only the ones
        # are believed that it can have reached by now.
        intervals = (heard_s - self._last_s) / self._interval_s
        reached = last + BEGUN_ANEW + COUNTS_PER_INTERVAL * intervals
        return mark > self._of_old_battery or mark <= reached
