"""The driver contract: a config model, one pure decode function, one class with one method.

A driver never retries, logs, starts threads, calibrates or keeps a clock. It raises only the four
errors of `links.errors`; the supervisor decides what each costs. A device found to have lost its
settings is set up again and `DeviceReset` raised, which drops that sample. A device with nothing
new to say (a stale value, a repeated advert) gives an empty `Measured`: nothing is stamped anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Generic, Literal, Protocol, TypeVar, final

from pydantic import Field, StringConstraints

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.recognition import Chip, Listening, Recognisable, Sighting
from edge_gateway.links.contract import W1, Advert, Adverts, ByteStream, I2c, Modbus
from edge_gateway.links.errors import Misconfigured
from edge_gateway.reading import Flag, Measurand, Measured, Quantity


class Waiter(Protocol):
    """The one thing a driver may ask of time: the milliseconds its data sheet prescribes."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


Port = Annotated[
    str,
    Field(
        min_length=1,
        description="port, best by its fixed name under /dev/serial/by-id/",
        examples=["/dev/serial/by-id/usb-adapter-port0"],
    ),
]
Baud = Annotated[int, Field(ge=300, le=921600, description="bits per second", examples=[9600])]
Parity = Annotated[str, Field(pattern="^[NEO]$", description="N, E or O")]
Unit = Annotated[int, Field(ge=1, le=247, description="slave address")]


class I2cConfig(DeviceConfig):
    """A device on an I2C bus."""

    bus: Annotated[int, Field(ge=0, le=63, description="number N of /dev/i2c-N")] = 1
    address: Annotated[
        int, Field(ge=0x08, le=0x77, description="7-bit address on the bus", examples=[0x44])
    ]


class SerialConfig(DeviceConfig):
    """A device that has a serial port for itself."""

    port: Port
    baud: Baud


class ModbusConfig(DeviceConfig):
    """A Modbus RTU slave; slaves that name the same port share its line."""

    port: Port
    baud: Baud = 19200
    parity: Parity = "E"
    unit: Unit = 1
    answer_timeout_s: Annotated[
        float,
        Field(
            ge=0.05,
            le=5,
            description="seconds it may take to begin its answer; the slowest of a line sets it",
        ),
    ] = 0.4


class W1Config(DeviceConfig):
    """A slave on a 1-Wire bus of the kernel."""

    slave: Annotated[
        str,
        Field(
            pattern=r"^[0-9a-f]{2}-[0-9a-f]{12}$",
            description="name of the slave as `ls /sys/bus/w1/devices` shows it",
            examples=["28-0316a2795bff"],
        ),
    ]
    folder: Annotated[Path, Field(description="where the kernel shows its 1-Wire slaves")] = Path(
        "/sys/bus/w1/devices"
    )


# What BlueZ is to listen for when it scans passively: start in the field, type of the field, bytes.
AdvertPattern = tuple[int, int, bytes]


class BleConfig(DeviceConfig):
    """A device that is heard by its BLE advertisements; those on one adapter share its radio."""

    advert_patterns: ClassVar[tuple[AdvertPattern, ...]] = ()
    """What its advertisements hold; passive scanning hears nothing else."""

    address: Annotated[
        str,
        StringConstraints(to_upper=True),
        Field(
            pattern="^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$",
            description="Bluetooth address of the device",
            examples=["CB:B8:33:4C:88:4F"],
        ),
    ]
    adapter: Annotated[
        str | None,
        Field(
            pattern="^hci[0-9]+$",
            description="Bluetooth adapter; where it is left out the first that is switched on",
            examples=["hci0"],
        ),
    ] = None
    scanning: Annotated[
        Literal["active", "passive"],
        Field(
            description="passive sends nothing, and needs a BlueZ with its experimental interfaces;"
            " without them scanning is active"
        ),
    ] = "active"


ConfigT = TypeVar("ConfigT", bound=DeviceConfig)
LinkT = TypeVar("LinkT")


class Driver(Recognisable, ABC, Generic[ConfigT, LinkT]):
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


@dataclass(frozen=True, slots=True)
class Handed:
    """Readings as others handed them in, in columns; a value is NaN where its flag is MISSING.

    `unix_s`: seconds since 1970 UTC on the wall clock of this machine, NaN where none were given.
    """

    measurands: Sequence[Measurand] = ()
    values: Sequence[float] = ()
    flags: Sequence[Flag] = ()
    reasons: Sequence[tuple[str, ...]] = ()
    unix_s: Sequence[float] = ()


class ReceivingDriver(TalkingDriver[ConfigT, LinkT]):
    """Is handed readings with their own times, and answers once they are durable.

    `receive`, `keep` and `answer` are called in turn.
    """

    @abstractmethod
    def receive(self) -> Handed:
        """Wait until something came, somebody may be held up, or `wake` was called."""

    @abstractmethod
    def keep(self, number: int) -> bool:
        """Take note that what `receive` gave last, if anything, waits in the outbox as `number`.

        True: somebody gives no more until it is durable and answered.
        """

    @abstractmethod
    def answer(self, through: int) -> None:
        """All readings up to this number are durable."""

    @abstractmethod
    def wake(self) -> None:
        """Have `receive` return now; from any thread."""

    @final
    def listen(self) -> Iterator[Measured]:
        """Raise Misconfigured: nobody would answer those who hand readings in."""
        raise Misconfigured("programs hand their readings to it while `edge-gateway run` runs")


__all__ = [
    "W1",
    "Advert",
    "AdvertPattern",
    "Adverts",
    "Baud",
    "BleConfig",
    "ByteStream",
    "Chip",
    "Driver",
    "Handed",
    "I2c",
    "I2cConfig",
    "Listening",
    "Modbus",
    "ModbusConfig",
    "Parity",
    "PolledDriver",
    "Port",
    "ReceivingDriver",
    "Recognisable",
    "SerialConfig",
    "Sighting",
    "TalkingDriver",
    "Unit",
    "W1Config",
    "Waiter",
]
