"""A serial line that plays from a script, for drivers that listen or ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.reading import Measured


class Wire:
    """Gives its parts one a read, and the next answer after each write; then silence.

    Once it is `unplugged` it is gone where it would be silent. `sent` and `waits_s` are what the
    driver sent, and how long it was ready to wait at each read.
    """

    def __init__(
        self, *parts: bytes, answers: tuple[bytes, ...] = (), unplugged: bool = False
    ) -> None:
        self.parts = [part for part in parts if part]
        self.answers = list(answers)
        self.unplugged = unplugged
        self.sent: list[bytes] = []
        self.waits_s: list[float] = []

    def read(self, at_most: int, timeout_s: float) -> bytes:
        self.waits_s.append(timeout_s)
        if not self.parts and self.unplugged:
            raise LinkGone("unplugged")
        part = self.parts.pop(0) if self.parts else b""
        if part[at_most:]:
            self.parts.insert(0, part[at_most:])
        return part[:at_most]

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        self.parts += [self.answers.pop(0)] if self.answers else []

    def discard_input(self) -> None: ...

    def close(self) -> None: ...


class Forever:
    """A waiter that a device on a line has no use for: it waits on the line itself."""

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"slept {seconds} s")


class Listening(Protocol):
    """A driver whose device talks."""

    def listen(self) -> Iterator[Measured]: ...


def heard(driver: Listening) -> tuple[list[Measured], list[BadFrame]]:
    """All that a wire brings until it falls silent."""
    measured, faults = list[Measured](), list[BadFrame]()
    while True:
        try:
            for one in driver.listen():
                measured.append(one)
        except BadFrame as fault:
            faults.append(fault)
        except (DeviceSilent, LinkGone):
            return measured, faults
