"""The demo's stage: broker, cable, city platform, instruments, and the gateway among them."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Protocol, Self, TypeVar

from edge_gateway.app import Gateway
from edge_gateway.cli.demo.platform import Platform
from edge_gateway.cli.demo.pole import SEED, camera, configuration, instruments, two_lines
from edge_gateway.cli.demo.report import Ledger, tap_into
from edge_gateway.cli.rig.bench import Bench, is_recording
from edge_gateway.cli.rig.twins import surroundings
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.clock import SystemClock
from edge_gateway.health import Notifier
from edge_gateway.links.errors import DeviceError
from edge_gateway.people.camera import CameraConfig
from edge_gateway.people.counter_settings import LineConfig
from edge_gateway.people.sources import open_source
from edge_gateway.twins.broker import Broker
from edge_gateway.twins.cable import Cable

T = TypeVar("T")


class Enter(Protocol):
    """What enters a context and sees to its end."""

    def __call__(self, context: AbstractContextManager[T], /) -> T:
        """Enter it."""
        ...


@dataclass(frozen=True, slots=True)
class Footage:
    """What is counted: its source, its name for people, and lines where they are known."""

    source: str
    credit: str
    lines: tuple[LineConfig, ...] | None

    def camera(self) -> CameraConfig:
        """The camera's table of gateway.toml; opens the source once to learn its size."""
        lines = self.lines
        if lines is None:
            try:
                with open_source(self.source, realtime=False) as source:
                    lines = two_lines(source.width, source.height)
            except DeviceError as error:
                raise CommandError(str(error), Exit.INPUT) from error
        return camera(self.source, lines, loop=is_recording(self.source))


class Stage:
    """Everything around the gateway, and the gateway itself; all of it ends with the block."""

    def __init__(self, folder: Path, footage: Footage | None) -> None:
        self._folder, self._footage = folder, footage
        self._ends = ExitStack()
        self.produced = Ledger()
        self.footage = footage.credit if footage else "no camera"
        self.lines: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        """Start broker, cable, platform, instruments; the gateway is made but not started."""
        with ExitStack() as stack:
            self._set(stack.enter_context)
            self._ends = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the gateway, then the rest in reverse order."""
        with self._ends:
            self.gateway.stop()

    def _set(self, enter: Enter) -> None:
        config = self._footage.camera() if self._footage else None
        self.lines = tuple(line.name for line in config.line) if config else ()
        self.broker = enter(Broker())
        self.cable = enter(Cable(self.broker.port))
        weather = surroundings(SEED)
        bench = enter(Bench(instruments(), self._folder, weather))
        devices = (*bench.devices, config) if config else bench.devices
        settings = configuration(self._folder, self.cable.port, devices)
        (uplink,) = settings.uplink
        self.platform = enter(Platform("127.0.0.1", self.broker.port, uplink.topic_prefix))
        self.gateway = Gateway(
            settings,
            clock=SystemClock(trusted=True),
            random=SystemRandom(),
            notifier=Notifier(None),
            openers=bench.openers,
            tap=lambda entries: tap_into(self.produced, entries),
        )
