"""Which of the time was seen: a picture counts for its window once it is beyond doubt."""

from __future__ import annotations

from typing import Final, Protocol

from edge_gateway.people.boundary import SourceState

SAID_OF: Final = {
    SourceState.OPENING: "the camera is being opened",
    SourceState.SEEING: "pictures come",
    SourceState.FROZEN: "the same picture comes again and again; restart the camera",
    SourceState.DARK: "the picture is dark; is there light, or a cap on the lens?",
    SourceState.BLOCKED: "something covers the lens; look at the camera",
    SourceState.BLURRED: "the picture is out of focus; clean or focus the lens",
    SourceState.LOST: "no picture comes; trying again",
    SourceState.ENDED: "the recording has ended",
}
"""What people are told when a state begins."""


class Window(Protocol):
    """What is asked of the running window."""

    def see(self, now_s: float, spacing_s: float) -> None:
        """A picture was looked at."""
        ...

    def unseen(self, state: SourceState, from_s: float, to_s: float) -> None:
        """Nothing was seen in this span."""
        ...


class Vigil:
    """Keeps back the pictures that are in doubt, until they prove good or something proves wrong.

    Then they count after all, or the time since the first of them was not seen.
    """

    def __init__(self, window: Window, start_s: float) -> None:
        self._window = window
        self._held: list[tuple[float, float]] = []
        self._window_start_s = start_s
        self._last_s = start_s
        self._is_blind = True

    def seen(self, now_s: float, spacing_s: float) -> None:
        """A good picture: those kept back were good too."""
        for held_s, held_spacing_s in self._held:
            # What is left of an earlier window is not counted any more: it has been sent.
            if held_s >= self._window_start_s:
                self._window.see(held_s, held_spacing_s)
        self._held.clear()
        self._window.see(now_s, spacing_s)
        self._last_s, self._is_blind = now_s, False

    def doubted(self, now_s: float, spacing_s: float) -> None:
        """A picture that the next ones may prove worthless."""
        self._held.append((now_s, spacing_s))

    def looked_away(self) -> None:
        """The pictures in doubt show another place by now: they do not count."""
        self._held.clear()

    def blind(self, state: SourceState, now_s: float) -> None:
        """Nothing is seen, since the first picture in doubt, or the last good one."""
        since_s = self._held[0][0] if self._held and not self._is_blind else self._last_s
        self._held.clear()
        if now_s > since_s:
            self._window.unseen(state, since_s, now_s)
        self._last_s, self._is_blind = now_s, True

    def window_began(self, start_s: float) -> None:
        """The window before was sent."""
        self._window_start_s = start_s
