"""Which version of MQTT is tried next: 5, and 3.1.1 with a broker that does not speak it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

# A broker that says so will not learn MQTT 5 within the hour. One that closes the connection
# without a word may have been restarted, or the network failed: twice in a row, and for less long.
_SAID_FOR_NS = 3600 * 10**9
_SILENT_FOR_NS = 600 * 10**9
_SILENT_TIMES = 2


class Mqtt(StrEnum):
    """A version of MQTT."""

    V5 = "5"
    V3 = "3.1.1"


class Rejection(StrEnum):
    """How an attempt to connect ended: the version was refused in words, or there were none."""

    SAID = "said"
    SILENT = "silent"


class Versions:
    """The versions of one uplink; `refuse_3`: never 3.1.1, where a denial cannot be seen."""

    def __init__(self, choice: Literal["auto", "5", "3.1.1"], *, refuse_3: bool = False) -> None:
        self._choice = choice
        self._may_fall_back = choice == "auto" and not refuse_3
        self._silent = 0
        self._three_until_ns = 0

    def next(self, now_ns: int) -> Mqtt:
        """The version to try now."""
        if self._choice == "auto":
            return Mqtt.V3 if now_ns < self._three_until_ns else Mqtt.V5
        return Mqtt(self._choice)

    def accepted(self) -> None:
        """The broker took the connection."""
        self._silent = 0

    def rejected(self, version: Mqtt, how: Rejection, now_ns: int) -> None:
        """The broker would not have this version, or so it looks."""
        if not self._may_fall_back:
            return
        if version is Mqtt.V3:
            self._three_until_ns = 0
        elif how is Rejection.SAID:
            self._three_until_ns = now_ns + _SAID_FOR_NS
        else:
            self._silent += 1
            if self._silent >= _SILENT_TIMES:
                self._silent = 0
                self._three_until_ns = now_ns + _SILENT_FOR_NS
