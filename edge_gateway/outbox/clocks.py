"""What each boot's wall clock was found to be: kept, so that its blocks can be dated later."""

from __future__ import annotations

from sqlite3 import Connection

from edge_gateway.clock import OFFSET_TOLERANCE_NS, ClockState
from edge_gateway.outbox.records import BootClock

# A boot's blocks are long gone when so many boots came after it, and a loop of boots fills no card.
_MOST_BOOTS = 256


class BootClocks:
    """The clocks of an open store; `save` writes what `note` learnt."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        rows = connection.execute("SELECT boot, offset_ns, error_s, state FROM clocks")
        self._known = {
            boot_id: BootClock(boot_id, offset_ns, error_s, ClockState(state))
            for boot_id, offset_ns, error_s, state in rows
        }
        self._changed: set[str] = set()

    @property
    def has_changed(self) -> bool:
        """Whether there is something to `save`."""
        return bool(self._changed)

    def note(self, clock: BootClock) -> bool:
        """Take in what a boot's clock is now; False when that is nothing new worth a write."""
        known = self._known.get(clock.boot_id)
        if known is not None and not _is_news(known, clock):
            return False
        self._known[clock.boot_id] = clock
        self._changed.add(clock.boot_id)
        return True

    def of(self, boot_id: str) -> BootClock | None:
        """What is known of a boot's clock."""
        return self._known.get(boot_id)

    def save(self) -> None:
        """Write what changed; runs inside the caller's transaction."""
        self._connection.executemany(
            "INSERT INTO clocks (boot, offset_ns, error_s, state) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (boot) DO UPDATE SET offset_ns = excluded.offset_ns,"
            " error_s = excluded.error_s, state = excluded.state",
            [
                (boot_id, clock.offset_ns, clock.error_s, str(clock.state))
                for boot_id in self._changed
                if (clock := self._known[boot_id])
            ],
        )
        self._connection.execute(
            "DELETE FROM clocks WHERE rowid <= (SELECT max(rowid) FROM clocks) - ?", (_MOST_BOOTS,)
        )

    def saved(self) -> None:
        """The transaction of `save` is on disk."""
        self._changed.clear()


def _is_news(known: BootClock, clock: BootClock) -> bool:
    """Another state, an offset that moved by what a reader can see, or half the error."""
    if known.state is not clock.state:
        # A disciplined clock dates its boot for ever; that it was lost later takes nothing back.
        return not (known.state is ClockState.SYNCED and clock.state is ClockState.HOLDOVER)
    moved_ns = abs(known.offset_ns - clock.offset_ns)
    return moved_ns > OFFSET_TOLERANCE_NS or clock.error_s < known.error_s / 2
