"""How the gateway is: what `status`, the retained topic and the watchdog are fed from.

Values only. Who fills them: the workers of `supervise.py`, the outbox and the uplink, by way of
`app.py`.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.device_health import DeviceHealth, DeviceState
from edge_gateway.reading import Measurand, Reading, Stamp, Statistic

# What another station may say of itself here: it has to survive JSON.
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """The whole gateway at one moment; `outbox` and `uplink` in the words of those stations.

    `uplink` is the first of `uplinks`, which has them all by id.
    """

    gateway: str
    at: Stamp
    wall: WallTime | None
    devices: tuple[DeviceHealth, ...]
    outbox: Mapping[str, Plain]
    uplink: Mapping[str, Plain]
    uplinks: Mapping[str, Mapping[str, Plain]] = field(
        default_factory=dict[str, Mapping[str, Plain]]
    )


def as_json(health: GatewayHealth) -> dict[str, object]:
    """Turn health into what `json.dumps(..., allow_nan=False)` takes; ages and times in seconds."""
    return {
        "gateway": health.gateway,
        "boot": health.at.boot_id,
        "up_s": round(health.at.monotonic_ns / 1e9, 1),
        "clock": _clock_as_json(health.wall),
        "devices": {device.id: _device_as_json(device, health.at) for device in health.devices},
        "outbox": _plain(health.outbox),
        "uplink": _plain(health.uplink),
        "uplinks": {name: _plain(uplink) for name, uplink in health.uplinks.items()},
    }


def one_line(devices: Sequence[DeviceHealth]) -> str:
    """Say in one line how many devices are up and which are not, for STATUS= and the log."""
    up = sum(device.state is DeviceState.UP for device in devices)
    others = [f"{d.id} {d.state.value}" for d in devices if d.state is not DeviceState.UP]
    return "; ".join([f"{up} of {len(devices)} devices up", *others])


def giving(devices: Sequence[DeviceHealth]) -> int:
    """Count the devices from which readings are to be expected: up, or starting."""
    return sum(device.state in {DeviceState.UP, DeviceState.STARTING} for device in devices)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each stage may stand still with work before it, in seconds."""

    reading_s: float = 120.0
    commit_s: float = 60.0
    ack_s: float = 120.0


class Pulse:
    """Whether the pipeline advances: reading -> outbox -> acknowledged, or known to be offline.

    A stage is stuck when it has had work for longer than its patience. No work is no fault: with
    every device down, an empty outbox or no network, restarting the gateway would mend nothing.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._expecting_since: Stamp | None = None
        self._uncommitted_since: Stamp | None = None
        self._unacked_since: Stamp | None = None
        self._online = False

    def expect(self, devices: int, at: Stamp) -> None:
        """Note how many devices should be giving readings now; see `giving`."""
        if devices == 0:
            self._expecting_since = None
        elif self._expecting_since is None:
            self._expecting_since = at

    def reading(self, at: Stamp) -> None:
        """Note that a reading came and went to the outbox."""
        if self._expecting_since is not None:
            self._expecting_since = at
        if self._uncommitted_since is None:
            self._uncommitted_since = at

    def committed(self, at: Stamp) -> None:
        """Note that the outbox has made safe what it was given."""
        self._uncommitted_since = None
        if self._unacked_since is None:
            self._unacked_since = at

    def acked(self, at: Stamp, *, more: bool) -> None:
        """Note an acknowledgement by the broker; `more` when committed readings still wait."""
        self._unacked_since = at if more else None

    def online(self, at: Stamp) -> None:
        """Note that the broker has taken the connection: what waits may now be expected to go."""
        if not self._online and self._unacked_since is not None:
            self._unacked_since = at
        self._online = True

    def offline(self) -> None:
        """Note that there is no connection, and that the uplink knows it."""
        self._online = False

    def stuck(self, now: Stamp) -> str:
        """Name the stage that has stopped, for how long and with what; empty while all advance."""
        stages = (
            ("no reading came", self._expecting_since, self._patience.reading_s),
            ("the outbox did not commit", self._uncommitted_since, self._patience.commit_s),
            (
                "the broker acknowledged nothing",
                self._unacked_since if self._online else None,
                self._patience.ack_s,
            ),
        )
        for what, since, patience_s in stages:
            if since is not None and _seconds(since, now) > patience_s:
                return f"{what} for {_seconds(since, now):.0f} s"
        return ""


class Notifier:
    """Speaks to systemd: the NOTIFY_SOCKET datagram protocol of sd_notify(3).

    `socket_path` is the variable's value: a path, or `@name` for an abstract socket; None when
    nobody supervises the gateway, and then every call does nothing. Raises ValueError for any
    other form.
    """

    def __init__(self, socket_path: str | None) -> None:
        if socket_path and socket_path[0] not in "/@":
            raise ValueError(
                f"NOTIFY_SOCKET is {socket_path!r}: neither a path nor an @abstract name"
            )
        self._address = _socket_address(socket_path) if socket_path else None

    def ready(self) -> bool:
        """Start-up is over. True when somebody was told, here and below."""
        return self._send("READY=1")

    def alive(self) -> bool:
        """Feed the watchdog."""
        return self._send("WATCHDOG=1")

    def stopping(self) -> bool:
        """The gateway is on its way down."""
        return self._send("STOPPING=1")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(f"STATUS={' '.join(text.split())}")

    def _send(self, message: str) -> bool:
        if self._address is None:
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # A supervisor that does not listen must never stop what it supervises.
            sender.settimeout(0)
            try:
                sender.sendto(message.encode(), self._address)
            except OSError:
                return False
        return True


def watchdog_interval_s(usec: str | None, pid: str | None, own_pid: int) -> float | None:
    """Seconds between two `alive()`: half of WATCHDOG_USEC; None when no watchdog is set for us.

    `usec` and `pid` are the values of WATCHDOG_USEC and WATCHDOG_PID, sd_watchdog_enabled(3).
    """
    if not usec or not usec.isdecimal() or int(usec) == 0:
        return None
    if pid and pid != str(own_pid):
        return None
    return int(usec) / 2e6


def measurand_name(measurand: Measurand) -> str:
    """Name a measurand for people: `wind_speed.gust.60s`, `people.gate/forward.count.60s`."""
    parts = [measurand.quantity.value]
    if measurand.channel:
        parts.append(measurand.channel)
    if measurand.statistic is not Statistic.SAMPLE:
        parts += [measurand.statistic.value, f"{measurand.window_s}s"]
    return ".".join(parts)


def _socket_address(path: str) -> str:
    return "\0" + path[1:] if path.startswith("@") else path


def _seconds(since: Stamp, now: Stamp) -> float:
    return (now.monotonic_ns - since.monotonic_ns) / 1e9


def _plain(values: Mapping[str, Plain]) -> dict[str, Plain]:
    return {key: _finite(value) for key, value in values.items()}


def _finite(value: Plain) -> Plain:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _clock_as_json(wall: WallTime | None) -> dict[str, Plain]:
    if wall is None or wall.state is ClockState.UNSET:
        # An unset wall time is never published as fact.
        return {"state": ClockState.UNSET.value, "error_s": None, "time": None}
    date = datetime.fromtimestamp(wall.unix_ns // 1_000_000_000, UTC)
    time = date.isoformat().replace("+00:00", "Z")
    return {"state": wall.state.value, "error_s": _finite(wall.error_s), "time": time}


def _device_as_json(device: DeviceHealth, now: Stamp) -> dict[str, object]:
    return {
        "driver": device.driver,
        "state": device.state.value,
        "for_s": round(_seconds(device.since, now), 1),
        "error": device.last_error,
        "counts": asdict(device.counts),
        "readings": {
            measurand_name(measurand): _reading_as_json(reading, now)
            for measurand, reading in device.last_reading.items()
        },
    }


def _reading_as_json(reading: Reading, now: Stamp) -> dict[str, object]:
    return {
        "value": _finite(reading.value),
        "unit": reading.measurand.quantity.nature.unit,
        "flag": reading.flag.name.lower(),
        "reasons": list(reading.reasons),
        "age_s": round(_seconds(reading.at, now), 1),
    }
