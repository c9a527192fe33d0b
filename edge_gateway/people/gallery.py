"""Which of the cameras' anonymized pictures leave the gateway, and what is told of them.

Pictures of the mode `scene` are handed on. Those of `calibration` stay with the driver, for the
technician on the pole: that they are taken, and that they no longer are, are events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edge_gateway.people.boundary import EncodedPicture
from edge_gateway.people.camera import Camera
from edge_gateway.reading import Event, Stamp

# Calibration pictures come each second; after so many seconds without one they are over.
CALIBRATION_OVER_S = 10.0

BEGUN, ENDED = "calibration_pictures_begun", "calibration_pictures_ended"


class Gallery:
    """Looks at the cameras now and then and tells what is new. For one thread."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._calibrating: frozenset[str] = frozenset()

    def new(self, drivers: Mapping[str, object]) -> Iterator[tuple[str, EncodedPicture]]:
        """Pictures of scenes that were not there at the last look, with their devices."""
        for device, picture in self._newest(drivers, "scene"):
            if self._seen.get(device) != picture.monotonic_ns:
                self._seen[device] = picture.monotonic_ns
                yield device, picture

    def events(self, drivers: Mapping[str, object], now: Stamp) -> Iterator[Event]:
        """The begin and the end of calibration pictures since the last look."""
        present = frozenset(
            device
            for device, picture in self._newest(drivers, "calibration")
            if now.monotonic_ns - picture.monotonic_ns < CALIBRATION_OVER_S * 1e9
        )
        for device in sorted(present - self._calibrating):
            text = "anonymized pictures are shown to the technician; none is sent"
            yield Event(BEGUN, device, text, now)
        for device in sorted(self._calibrating - present):
            yield Event(ENDED, device, "no more pictures are shown", now)
        self._calibrating = present

    def _newest(
        self, drivers: Mapping[str, object], mode: str
    ) -> Iterator[tuple[str, EncodedPicture]]:
        for device, driver in list(drivers.items()):
            if isinstance(driver, Camera) and driver.config.pictures == mode:
                picture = driver.latest_picture
                if picture is not None:
                    yield device, picture
