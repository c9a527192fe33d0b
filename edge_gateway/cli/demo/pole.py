"""The pole in the box: what its gateway.toml says, and how each device is wired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_gateway.config import (
    ClockConfig,
    Config,
    DeviceConfig,
    GatewayConfig,
    OutboxConfig,
    PrivacyConfig,
    UplinkConfig,
)
from edge_gateway.drivers.hukseflux import HuksefluxConfig
from edge_gateway.drivers.sht import ShtConfig
from edge_gateway.drivers.windsonic import WindSonicConfig
from edge_gateway.people.camera import CameraConfig
from edge_gateway.people.counter_settings import LineConfig

GATEWAY = "pole-demo"
AIR_ADDRESS = 0x44
COMMIT_S = 2.0
COUNT_S = 10
SEED = 20261122
"""Of its weather."""
PICTURE_S = 10.0

WIRED: Mapping[str, str] = {
    "wind": "simulated WindSonic, ASCII at 4 Hz on a pty",
    "sun": "simulated SR05, Modbus RTU on a pty",
    "air": "simulated SHT4x below the I2C link",
    "camera": "real footage, counted in its own process",
}


def instruments() -> tuple[DeviceConfig, ...]:
    """The `[[device]]` tables of the simulated instruments; their ports are the bench's to make."""
    return (
        WindSonicConfig(id="wind", driver="windsonic", port="wind", baud=9600),
        HuksefluxConfig(id="sun", driver="hukseflux", port="sun", period_s=1.0),
        ShtConfig(id="air", driver="sht", bus=1, address=AIR_ADDRESS, period_s=2.0),
    )


def configuration(folder: Path, broker_port: int, devices: Sequence[DeviceConfig]) -> Config:
    """What gateway.toml would say of this pole; its store goes into `folder`."""
    return Config(
        gateway=GatewayConfig(id=GATEWAY),
        # The far end of this demo is the same machine: its clock is the truth here.
        clock=ClockConfig(source="trusted"),
        outbox=OutboxConfig(folder=folder / "outbox", commit_interval_s=COMMIT_S),
        uplink=(
            UplinkConfig(
                host="127.0.0.1",
                port=broker_port,
                tls=False,
                keepalive_s=4,
                reconnect_max_s=2.0,
                start_spread_s=0.0,
            ),
        ),
        privacy=PERMISSION,
        device=tuple(devices),
    )


PERMISSION = PrivacyConfig(
    purpose="Showing the counter on recorded or own footage",
    operator="whoever runs the demo",
    contact="whoever runs the demo",
    legal_basis="a demonstration; the footage is recorded",
    retention="nothing is kept after the demo",
    notice_posted=True,
)


def camera(source: str, lines: Sequence[LineConfig], *, loop: bool) -> CameraConfig:
    """The camera of the demo: recorded footage at its own pace, counts every ten seconds."""
    return CameraConfig(
        id="camera",
        driver="camera",
        source=source,
        line=tuple(lines),
        interval_s=COUNT_S,
        # Whoever tries it out wants to see each count: nothing of the demo is published.
        least_count=0,
        round_to=1,
        pictures="scene",
        picture_interval_s=PICTURE_S,
        loop=loop,
    )


def two_lines(width: int, height: int) -> tuple[LineConfig, LineConfig]:
    """One line down the middle of any picture, one across its lower half."""
    return (
        LineConfig(name="middle", start=(width * 0.5, height * 0.1), end=(width * 0.5, height)),
        LineConfig(name="front", start=(0, height * 0.6), end=(width, height * 0.6)),
    )
