"""How `devices scan` recognises a device: what a driver is shown, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from edge_gateway.links.contract import Advert, I2c, Modbus


@dataclass(frozen=True, slots=True)
class Sighting:
    """A device as `devices scan` found it; where it was found the scan knows itself."""

    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    """Keys of its table that are not at their default."""
    doubt: str = ""
    """Why it may be something else; empty where the device identified itself."""
    check: str = ""
    """What the device cannot tell and a person has to look at."""


@dataclass(frozen=True, slots=True)
class Listening:
    """What a serial line brought in so many seconds, by itself or after a question."""

    heard: bytes
    seconds: float
    question: bytes = b""

    def rate_hz(self, frames: int, settings_hz: Sequence[float]) -> float:
        """The setting that so many frames come nearest to."""
        return min(settings_hz, key=lambda hz: abs(hz - frames / self.seconds))


@dataclass(frozen=True, slots=True)
class Chip:
    """Whatever acknowledges at an address of an I2C bus: to be looked at and not to be changed."""

    bus: I2c
    address: int
    sleep: Callable[[float], None]

    def read(self, count: int) -> bytes:
        """What it gives without being asked."""
        return self.bus.read(self.address, count)

    def register(self, first: int, count: int) -> bytes:
        """What it holds from register `first` on."""
        return self.bus.write_read(self.address, bytes((first,)), count)

    def answer(self, command: bytes, after_s: float, count: int) -> bytes:
        """What it gives so many seconds after a command."""
        self.bus.write(self.address, command)
        self.sleep(after_s)
        return self.read(count)


class Recognisable:
    """How `devices scan` finds a device. Each part may be left out; only its own bus is asked.

    The methods return None for anything that is not this device, and may raise the four errors.
    """

    i2c_addresses: ClassVar[tuple[int, ...]] = ()
    """Where `recognise_i2c` may be tried: other chips live at these addresses too."""
    bauds: ClassVar[tuple[int, ...]] = ()
    """Bits per second it may talk at, the likeliest first."""
    talk_interval_s: ClassVar[float] = 1.0
    """Seconds between two of its frames as the factory set it."""
    questions: ClassVar[tuple[bytes, ...]] = ()
    """What a polled one answers, and what harms no other device; sent only when permitted."""
    modbus_lines: ClassVar[tuple[tuple[int, str], ...]] = ()
    """Bits per second and parity it comes with."""

    @classmethod
    def recognise_i2c(cls, chip: Chip) -> Sighting | None:
        """Look at a chip without changing anything in it."""
        del chip

    @classmethod
    def recognise_line(cls, listening: Listening) -> Sighting | None:
        """Look for its frames in what was heard."""
        del listening

    @classmethod
    def recognise_slave(cls, line: Modbus, unit: int) -> Sighting | None:
        """Look at the registers of this slave."""
        del line, unit

    @classmethod
    def recognise_w1(cls, slave: str) -> Sighting | None:
        """Look at the name of a 1-Wire slave, which begins with its family."""
        del slave

    @classmethod
    def recognise_advert(cls, advert: Advert) -> Sighting | None:
        """Look for its format in an advertisement."""
        del advert
