"""What a driver may ask of a link. Real, simulated and recorded links all answer to these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class I2c(Protocol):
    """One I2C bus. Every call may raise DeviceSilent (no ACK) or LinkGone (bus stuck or gone)."""

    def write(self, address: int, data: bytes) -> None:
        """Write `data` to the 7-bit `address` in one transaction."""
        ...

    def read(self, address: int, count: int) -> bytes:
        """Read exactly `count` bytes from the 7-bit `address` in one transaction."""
        ...

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """Write `data`, then read `count` bytes behind a repeated start, in one transaction."""
        ...

    def close(self) -> None:
        """Give the bus back; safe to call twice."""
        ...


class ByteStream(Protocol):
    """A serial port as a stream of bytes. Every call may raise LinkGone."""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; empty when nothing came in `timeout_s`."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        ...

    def discard_input(self) -> None:
        """Forget what has come and was not read."""
        ...

    def close(self) -> None:
        """Give the port back; safe to call twice, also while another thread reads."""
        ...


class Modbus(Protocol):
    """A Modbus RTU line as its master sees it; shared by all slaves of the line."""

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """Read `count` 16-bit registers from `first` (function 03) of slave `unit`.

        Raises DeviceSilent, BadFrame (checksum, wrong slave, exception answer), Misconfigured
        (the slave knows no such function or register) or LinkGone.
        """
        ...

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """The same for input registers (function 04)."""
        ...

    def close(self) -> None:
        """Give the line back; safe to call twice."""
        ...


class W1(Protocol):
    """A 1-Wire bus as Linux shows it; shared by all its slaves."""

    def read(self, slave: str) -> bytes:
        """Have the slave measure and return the text of its `w1_slave`, never empty.

        It takes as long as the conversion, up to 0.75 s. Raises DeviceSilent (no conversion),
        LinkGone (the slave or the bus has vanished) or Misconfigured (no permission).
        """
        ...

    def close(self) -> None:
        """Give the bus back; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Advert:
    """One BLE advertisement of a device that was asked for by its address.

    Manufacturer data goes by company id, service data by 128-bit UUID in lower case. `heard_s`
    are seconds on a clock that never jumps. `address_type` is public, random, or empty where it
    is not known.
    """

    address: str
    rssi_dbm: int
    manufacturer_data: Mapping[int, bytes]
    service_data: Mapping[str, bytes]
    heard_s: float
    address_type: str = ""


class Adverts(Protocol):
    """The advertisements of one BLE device, in order; the radio behind it is shared."""

    def read(self, timeout_s: float) -> Advert | None:
        """Return the next one; None when nothing came in `timeout_s`.

        Its data may be as old as the one before: Bluetooth stacks merge and repeat. Raises
        LinkGone while the adapter or the Bluetooth service is away.
        """
        ...

    def close(self) -> None:
        """Stop listening; safe to call twice, also while another thread reads."""
        ...
