"""Whether someone who hands in readings is held up by our answer: then a commit should not wait.

A commit every few seconds is kind to the card, and slow for a program that stops after so many
unanswered readings: it would be given one window every few seconds. Such a program is told from
one that merely gives its readings in bursts by its rate, by its pause, and by what it does when
the answer has come.
"""

from __future__ import annotations

# Fewer than these are never worth a commit of their own.
FEWEST = 200
# From so many on nobody has to pause.
ENOUGH = 1000
FASTER_THAN_PER_S = 1000
PAUSE_NS = 25_000_000

# Whoever goes on so soon after the answer had waited for it.
_AT_ONCE_NS = 20_000_000
# A burst stands for the time before it too, up to this: 500 readings once a second are no rush.
_LONGEST_GAP_NS = 1_000_000_000


class Urgency:
    """Follows one program's readings and our answers, in nanoseconds of a clock that never jumps.

    At 500 readings a second, in bursts of up to a second, it is never urgent but once: a program
    that begins faster than that may have filled its window, and its first answer shows whether.
    """

    def __init__(self) -> None:
        self.waiting = 0
        """Readings taken and not yet answered."""
        self._first_ns = self._last_ns = self._answered_ns = 0
        self._gap_ns = _LONGEST_GAP_NS
        self._is_new = True
        self._is_held_up = False
        # How many it gives before it waits, where that was seen; else as many as anybody may.
        self._window = ENOUGH
        self._last_window = ENOUGH

    def took(self, readings: int, now_ns: int) -> None:
        """So many readings came."""
        if not self.waiting:
            self._gap_ns = min(now_ns - self._last_ns, _LONGEST_GAP_NS)
            self._first_ns = now_ns
            if not self._is_new:
                self._is_held_up = now_ns - self._answered_ns <= _AT_ONCE_NS
            self._window = self._last_window if self._is_held_up else ENOUGH
        self.waiting += readings
        self._last_ns = now_ns

    def answered(self, readings: int, now_ns: int) -> None:
        """So many of them were answered."""
        self.waiting -= readings
        self._is_new = False
        self._answered_ns = self._first_ns = now_ns
        self._last_window = min(max(readings, FEWEST), ENOUGH)
        if self.waiting:  # it went on while the answer was made
            self._gap_ns = 0
            self._window = self._last_window = ENOUGH
            self._is_held_up = now_ns - self._last_ns <= _AT_ONCE_NS

    def is_urgent(self, now_ns: int) -> bool:
        """Whether it should be answered now."""
        if not self._is_fast(now_ns):
            return False
        return self.waiting >= self._window or now_ns - self._last_ns >= PAUSE_NS

    def due_in_ns(self, now_ns: int) -> int | None:
        """Nanoseconds after which a pause would make it urgent; None while it is not fast."""
        if not self._is_fast(now_ns):
            return None
        return max(0, self._last_ns + PAUSE_NS - now_ns)

    def _is_fast(self, now_ns: int) -> bool:
        if self.waiting < FEWEST:
            return False
        span_ns = now_ns - self._first_ns
        if not (self._is_new or self._is_held_up):
            span_ns += self._gap_ns
        return self.waiting * 1_000_000_000 > FASTER_THAN_PER_S * span_ns
