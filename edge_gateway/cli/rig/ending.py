"""Ctrl-C and SIGTERM as something to look at, so that what was begun is always ended in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def told_to_stop() -> Generator[threading.Event]:
    """An event that a signal sets while the block runs; off the main thread nothing sets it."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    on_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, tell) for number in numbers} if on_main else {}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
