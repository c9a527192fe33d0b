"""Waiting for what a real process or thread does, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 30.0
LOOK_S = 0.01


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until it is so; fail with a sentence if it does not come."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {PATIENCE_S} s in vain: {what}"
        time.sleep(LOOK_S)
