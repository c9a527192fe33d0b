"""Which samples count towards a summary, and what their flags make of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_gateway.reading import Flag, Quantity, Reading, Statistic

INSUFFICIENT = "insufficient_samples"
SUSPECT = "suspect_samples"

# Completeness is a share of a product: 0.75 * 60 s * 4 Hz must not ask for 180.00000000000003.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Summary:
    """One statistic of one quantity over a window; NaN exactly when MISSING, as in a reading."""

    quantity: Quantity
    statistic: Statistic
    value: float
    flag: Flag
    reasons: tuple[str, ...] = ()
    calibration_id: str = ""


class Tally:
    """Counts the usable samples of one window against `needed` of them."""

    def __init__(self, needed: float) -> None:
        self.used = 0
        self._needed = needed
        self._doubts: dict[str, None] = {}
        self._calibration_ids: set[str] = set()

    def takes(self, sample: Reading) -> bool:
        """Count the sample if it is usable: neither missing nor failed; a suspect one is."""
        if sample.flag is Flag.MISSING or sample.flag is Flag.FAIL:
            return False
        self.used += 1
        if sample.flag is Flag.SUSPECT:
            self._doubts.update(dict.fromkeys(sample.reasons or (SUSPECT,)))
        self._calibration_ids.add(sample.calibration_id)
        return True

    def takes_calm(self) -> None:
        """Count a sample that is complete without a value: the direction of still air."""
        self.used += 1

    def is_enough(self) -> bool:
        """Whether a summary may be given; a partial mean is never passed off as one."""
        return self.used > 0 and self.used + _ROUNDING >= self._needed

    def summary(self, quantity: Quantity, statistic: Statistic, value: float) -> Summary:
        """A summary of the samples taken: suspect if one of them was, else for trust to judge."""
        flag = Flag.SUSPECT if self._doubts else Flag.NOT_EVALUATED
        # Samples from before and after a new calibration have no record in common.
        records = tuple(self._calibration_ids)
        record = records[0] if len(records) == 1 else ""
        return Summary(quantity, statistic, value, flag, tuple(self._doubts), record)

    @staticmethod
    def nothing(quantity: Quantity, statistic: Statistic, reason: str = INSUFFICIENT) -> Summary:
        """A summary that could not be given, and why."""
        return Summary(quantity, statistic, math.nan, Flag.MISSING, (reason,))
