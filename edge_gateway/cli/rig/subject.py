"""A device of the rig as the one who disturbs it sees it: its faults, and the plug of its wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from edge_gateway.config_file import nearest

MOST_TIMES = 1_000_000


class BadOrder(ValueError):
    """A fault that cannot be had: the text says why, and names the nearest there is."""


class Faulty(Protocol):
    """What every twin can do."""

    FAULTS: ClassVar[Sequence[str]]

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` the next `times` times."""
        ...


@dataclass(frozen=True, slots=True)
class Switch:
    """Something done to a wire at once and for good, in words for who did it."""

    throw: Callable[[], None]
    done: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One device: `twin` has faults for a number of times, `wire` has such that hit all on it.

    `neighbours` are the other devices on the same wire.
    """

    id: str
    driver: str
    place: str
    twin: Faulty
    switches: Mapping[str, Switch]
    wire: Faulty | None = None
    neighbours: Sequence[str] = field(default_factory=tuple[str, ...])

    @property
    def faults(self) -> tuple[str, ...]:
        """Every word that `order` takes."""
        of_wire = self.wire.FAULTS if self.wire else ()
        return tuple(dict.fromkeys((*self.twin.FAULTS, *of_wire, *self.switches)))

    def order(self, fault: str, times: int = 1) -> str:
        """Have it, and say what was done; `times` has no meaning for a switch. Raises BadOrder."""
        if not 1 <= times <= MOST_TIMES:
            raise BadOrder(f"{times} times: give 1 to {MOST_TIMES}")
        if fault in self.switches:
            switch = self.switches[fault]
            switch.throw()
            return f"{self.id}: {switch.done}{self._also()}"
        how_often = "the next time" if times == 1 else f"the next {times} times"
        if fault in self.twin.FAULTS:
            self.twin.fail(fault, times)
            return f"{self.id}: {fault}, {how_often}"
        if self.wire is not None and fault in self.wire.FAULTS:
            self.wire.fail(fault, times)
            return f"{self.id}: {fault} on {self.place}, {how_often}{self._also()}"
        raise BadOrder(f"{self.id} has no fault {fault!r}; {nearest(fault, self.faults)}")

    def _also(self) -> str:
        return f" (on the same wire: {', '.join(self.neighbours)})" if self.neighbours else ""


def find(subjects: Mapping[str, Subject], device: str) -> Subject:
    """The device of this id; raises BadOrder with the nearest."""
    if device in subjects:
        return subjects[device]
    hint = nearest(device, subjects) if subjects else "it has none"
    raise BadOrder(f"the rig has no device {device!r}; {hint}")
