"""The driver contract: a config model, one pure decode function, one class with one method.

A driver never retries, logs, starts threads, calibrates or keeps a clock. It raises only the four
errors of `links.errors`; the supervisor decides what each costs. A device found to have lost its
settings is set up again and `DeviceReset` raised, which drops that sample. A device with nothing
new to say (a stale value, a repeated advert) gives an empty `Measured`: nothing is stamped anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Generic, Protocol, TypeVar

from pydantic import Field

from edge_gateway.config import DeviceConfig
from edge_gateway.links.contract import ByteStream, I2c, Modbus
from edge_gateway.reading import Measured, Quantity


class Waiter(Protocol):
    """The one thing a driver may ask of time: the milliseconds its data sheet prescribes."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class I2cConfig(DeviceConfig):
    """A device on an I2C bus."""

    bus: Annotated[int, Field(ge=0, le=63, description="number N of /dev/i2c-N")] = 1
    address: Annotated[
        int, Field(ge=0x08, le=0x77, description="7-bit address on the bus", examples=[0x44])
    ]


class SerialConfig(DeviceConfig):
    """A device that has a serial port for itself."""

    port: Annotated[
        str,
        Field(
            min_length=1,
            description="port, best by its fixed name under /dev/serial/by-id/",
            examples=["/dev/serial/by-id/usb-adapter-port0"],
        ),
    ]
    baud: Annotated[int, Field(ge=300, le=921600, description="bits per second", examples=[9600])]


class ModbusConfig(DeviceConfig):
    """A Modbus RTU slave; slaves that name the same port share its line."""

    port: Annotated[
        str,
        Field(
            min_length=1,
            description="port, best by its fixed name under /dev/serial/by-id/",
            examples=["/dev/serial/by-id/usb-adapter-port0"],
        ),
    ]
    baud: Annotated[int, Field(ge=300, le=921600, description="bits per second")] = 19200
    parity: Annotated[str, Field(pattern="^[NEO]$", description="N, E or O")] = "E"
    unit: Annotated[int, Field(ge=1, le=247, description="slave address")] = 1


ConfigT = TypeVar("ConfigT", bound=DeviceConfig)
LinkT = TypeVar("LinkT")


class Driver(ABC, Generic[ConfigT, LinkT]):
    """What every driver is made of; use `PolledDriver` or `TalkingDriver`."""

    title: ClassVar[str]
    """Maker, model and data sheet in one line, for people."""
    config_model: ClassVar[type[DeviceConfig]]
    """The pydantic model of its `[[device]]` table."""
    quantities: ClassVar[tuple[Quantity, ...]]
    """What it can give, for the table of supported devices."""

    def __init__(self, config: ConfigT, link: LinkT, waiter: Waiter) -> None:
        self.config = config
        self.link = link
        self.waiter = waiter


class PolledDriver(Driver[ConfigT, LinkT]):
    """A device that answers when asked."""

    @abstractmethod
    def read(self) -> Measured:
        """Ask once and return what was measured."""


class TalkingDriver(Driver[ConfigT, LinkT]):
    """A device that talks by itself."""

    @abstractmethod
    def listen(self) -> Iterator[Measured]:
        """Yield each frame as it comes.

        Raises DeviceSilent when nothing has come for longer than the device's own rhythm allows;
        the supervisor calls it again. A bad frame raises BadFrame and the next call resynchronises.
        """


__all__ = [
    "ByteStream",
    "Driver",
    "I2c",
    "I2cConfig",
    "Modbus",
    "ModbusConfig",
    "PolledDriver",
    "SerialConfig",
    "TalkingDriver",
    "Waiter",
]
