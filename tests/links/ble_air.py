"""Who is on the air in the tests of the BLE radio, and how they wait for what it does."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

TAG, PASSER_BY = "CB:B8:33:4C:88:4F", "7A:11:22:33:44:55"
COMPANY = 0x0499
DEADLINE_S = 10.0


def wait_until(happened: Callable[[], object]) -> None:
    pause = Event()
    for _ in range(round(DEADLINE_S / 0.01)):
        if happened():
            return
        pause.wait(0.01)
    pytest.fail("it did not happen")
