"""How one device is: kept by its worker, read by health and by the screens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from edge_gateway.reading import Flag, Measurand, Reading, Stamp

Counter = Literal["bad_frames", "resets", "silences", "link_losses", "restarts"]


class DeviceState(StrEnum):
    """Where a device stands with its worker."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"
    MISCONFIGURED = "misconfigured"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class DeviceCounts:
    """What came of a device since its worker started; `restarts` counts bugs of its driver."""

    readings: int = 0
    bad_frames: int = 0
    resets: int = 0
    silences: int = 0
    link_losses: int = 0
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """One device at one moment. `since` is when it entered its state; `last_error` stays."""

    id: str
    driver: str
    state: DeviceState
    since: Stamp
    last_reading: Mapping[Measurand, Reading] = field(default_factory=dict[Measurand, Reading])
    counts: DeviceCounts = DeviceCounts()
    last_error: str = ""

    @property
    def given_up(self) -> bool:
        """Whether nothing more is to be expected of it until the gateway is started again."""
        return self.state is DeviceState.STOPPED

    @property
    def is_off(self) -> bool:
        """Whether it gives nothing at present and is tried again."""
        return self.state in {DeviceState.DOWN, DeviceState.MISCONFIGURED}

    @property
    def waits_for_a_person(self) -> bool:
        """Whether somebody has to change something before it can be expected to come back."""
        return self.state in {DeviceState.MISCONFIGURED, DeviceState.STOPPED}

    def after_readings(self, readings: Sequence[Reading]) -> DeviceHealth:
        """This, and these readings; the missing ones are kept but not counted."""
        given = sum(reading.flag is not Flag.MISSING for reading in readings)
        return replace(
            self,
            last_reading={**self.last_reading, **{r.measurand: r for r in readings}},
            counts=replace(self.counts, readings=self.counts.readings + given),
        )

    def after_error(self, text: str, counter: Counter | None) -> DeviceHealth:
        """This, and one more error, of those that `counter` counts."""
        counts = self.counts
        if counter is not None:
            counts = replace(counts, **{counter: getattr(counts, counter) + 1})
        return replace(self, counts=counts, last_error=text)


def up_since(devices: Iterable[DeviceHealth]) -> dict[str, Stamp]:
    """The devices that are up, and since when."""
    return {device.id: device.since for device in devices if device.state is DeviceState.UP}
