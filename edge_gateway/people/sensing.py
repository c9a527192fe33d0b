"""Who counts people now, as the retained state message says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.reading import Stamp

PERMISSION_KEYS: Final = (
    "purpose",
    "operator",
    "contact",
    "legal_basis",
    "retention",
    "notice_posted",
    "url",
)
"""What of `[privacy]` is said with it."""

DEVICE_KEYS: Final = {
    "window_s": "interval_s",
    "pictures": "pictures",
    "least_count": "least_count",
    "round_to": "round_to",
}
"""What is said of a device, and the key of its table that holds it; left out where it has none."""


class Sensing:
    """Makes the word `sensing` of the state message; the same state gives the same words.

    `wall` dates a stamp, None where no clock can.
    """

    def __init__(self, config: Config, wall: Callable[[Stamp], WallTime | None]) -> None:
        self._devices = [device for device in config.device if device.counts_people]
        self._permission = config.privacy
        self._wall = wall
        # The first date of a stamp stays: a clock that is slewed would give another each time.
        self._dates: dict[str, tuple[Stamp, str]] = {}

    def of(self, up: Mapping[str, Stamp]) -> Mapping[str, object]:
        """What is said while the devices of `up` give readings, each since a stamp.

        Empty for a gateway without a device that counts people.
        """
        if not self._devices or self._permission is None:
            return {}
        said = self._permission.model_dump(mode="json", include=set(PERMISSION_KEYS))
        return {
            "counting": any(device.id in up for device in self._devices),
            **{key: said[key] for key in PERMISSION_KEYS if said[key] is not None},
            "devices": [self._device(device, up.get(device.id)) for device in self._devices],
        }

    def _device(self, device: DeviceConfig, since: Stamp | None) -> Mapping[str, object]:
        return {
            "id": device.id,
            "driver": device.driver,
            "counting": since is not None,
            "since": None if since is None else self._date(device.id, since),
            **{
                word: getattr(device, key)
                for word, key in DEVICE_KEYS.items()
                if hasattr(device, key)
            },
        }

    def _date(self, device: str, since: Stamp) -> str | None:
        stamp, date = self._dates.get(device, (None, ""))
        if stamp == since:
            return date
        wall = self._wall(since)
        if wall is None or wall.state is ClockState.UNSET:
            return None
        date = datetime.fromtimestamp(wall.unix_ns // 10**9, UTC).isoformat()
        self._dates[device] = (since, date)
        return date
