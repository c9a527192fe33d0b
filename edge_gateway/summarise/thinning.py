"""What a full outbox keeps of old samples: ten-minute summaries; minutes were kept already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from edge_gateway.reading import Flag, Reading, Stamp
from edge_gateway.summarise.windows import Summariser

THINNED_WINDOW_S = 600
"""WMO-No. 8 part I chapter 1: the other of the two usual averaging times; minutes go out live."""

_FAR_NS = 1 << 62


def thinner(expected_per_s: Mapping[str, float]) -> Callable[[Sequence[Reading]], list[Reading]]:
    """Make the function that thins samples of one boot, in order within each device.

    It gives the summaries of windows that are whole; what is beside them, or of no quantity that
    is summarised, has none.
    """

    def thin(samples: Sequence[Reading]) -> list[Reading]:
        if not samples:
            return []
        summariser = Summariser(expected_per_s, THINNED_WINDOW_S)
        made = summariser.add(samples)
        made += summariser.advance(Stamp(samples[0].at.boot_id, _FAR_NS))
        return [summary for summary in made if summary.flag is not Flag.MISSING]

    return thin
