"""The date of what stands in a store, as far as a clock was right in its boot."""

from __future__ import annotations

from collections.abc import Callable

from edge_gateway.clock import Clock, ClockState
from edge_gateway.outbox import BootClock
from edge_gateway.reading import Stamp


def dated(
    clock: Clock, learnt: Callable[[str], BootClock | None], boot_id: str, us: int
) -> float | None:
    """Seconds since 1970 UTC of a stamp, None where no clock was right in its boot."""
    wall = clock.wall(Stamp(boot_id, us * 1000))
    if wall is not None and wall.state is not ClockState.UNSET:
        return wall.unix_ns / 1e9
    known = learnt(boot_id)
    if known is None or known.state is ClockState.UNSET:
        return None
    return us / 1e6 + known.offset_ns / 1e9
