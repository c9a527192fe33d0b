"""The pole in the box: simulated devices on real interfaces, and what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

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
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.weather import WeatherScene, stopwatch
from edge_gateway.twins.windsonic import WindSonicTwin

GATEWAY = "pole-demo"
AIR_ADDRESS = 0x44
COMMIT_S = 2.0
COUNT_S = 10
PICTURE_S = 5.0

WIRED: Mapping[str, str] = {
    "wind": "simulated WindSonic, ASCII at 4 Hz on a pty",
    "sun": "simulated SR05, Modbus RTU on a pty",
    "air": "simulated SHT4x below the I2C link",
    "camera": "real footage, counted in its own process",
}


class Pole:
    """Three simulated instruments, switched on while the `with` block runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._power = ExitStack()
        self._wind, self._sun = PtyLine(), PtyLine()
        seconds = stopwatch()
        scene = WeatherScene(seed=20261122)
        self._twins = (
            WindSonicTwin(self._wind, scene, seconds=seconds),
            HuksefluxTwin(self._sun, scene, seconds=seconds),
        )
        self.i2c = SimulatedI2cBus({AIR_ADDRESS: ShtTwin(scene, seconds=seconds)})

    def __enter__(self) -> Self:
        """Power on."""
        for line, twin in zip((self._wind, self._sun), self._twins, strict=True):
            self._power.callback(line.close)
            self._power.enter_context(twin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Power off."""
        self._power.close()

    def config(self, broker_port: int, camera: CameraConfig | None) -> Config:
        """What gateway.toml would say of this pole."""
        devices: list[DeviceConfig] = [
            WindSonicConfig(id="wind", driver="windsonic", port=self._wind.path, baud=9600),
            HuksefluxConfig(id="sun", driver="hukseflux", port=self._sun.path, period_s=1.0),
            ShtConfig(id="air", driver="sht", bus=1, address=AIR_ADDRESS, period_s=2.0),
        ]
        if camera is not None:
            devices.append(camera)
        return Config(
            gateway=GatewayConfig(id=GATEWAY),
            # The far end of this demo is the same machine: its clock is the truth here.
            clock=ClockConfig(source="trusted"),
            outbox=OutboxConfig(folder=self._folder / "outbox", commit_interval_s=COMMIT_S),
            uplink=UplinkConfig(
                host="127.0.0.1", port=broker_port, tls=False, keepalive_s=4, reconnect_max_s=2.0
            ),
            privacy=PERMISSION,
            device=tuple(devices),
        )


PERMISSION = PrivacyConfig(
    purpose="Showing the counter on recorded or own footage",
    operator="whoever runs the demo",
    contact="whoever runs the demo",
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
        picture_interval_s=PICTURE_S,
        loop=loop,
    )


def two_lines(width: int, height: int) -> tuple[LineConfig, LineConfig]:
    """One line down the middle of any picture, one across its lower half."""
    return (
        LineConfig(name="middle", start=(width * 0.5, height * 0.1), end=(width * 0.5, height)),
        LineConfig(name="front", start=(0, height * 0.6), end=(width, height * 0.6)),
    )
