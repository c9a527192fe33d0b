"""Links that write down what passes, in the form of `talk`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol, TextIO

from edge_gateway.links.contract import W1, Advert, Adverts, ByteStream, I2c
from edge_gateway.links.errors import DeviceError, LinkGone, Misconfigured
from edge_gateway.links.talk_result import told
from edge_gateway.links.talk_text import advert_lines, plain, remark, w1_lines
from edge_gateway.reading import Measured

Seconds = Callable[[], float]


class Notebook:
    """Writes a talk while it happens; `seconds` counts from its beginning.

    After `end` nothing more is written: what a link says while it is closed is no part of a talk.
    """

    def __init__(self, file: TextIO, seconds: Seconds) -> None:
        self._file, self._seconds = file, seconds
        self._lock = Lock()
        self._ended = False

    def sent(self, data: bytes, to: str = "", error: DeviceError | None = None) -> None:
        """Write what was sent, and what the link raised while sending it."""
        shown = " ".join(filter(None, (to, data.hex(" "))))
        if error is None:
            self._write(f"> {shown}", remark_of=b"" if to else data)
        else:
            self._write(f"> {shown} ! {_failure(error)}")

    def received(self, data: bytes, sender: str = "") -> None:
        """Write what came."""
        shown = " ".join(filter(None, (sender, data.hex(" "))))
        self._write(f"< {shown}", remark_of=b"" if sender else data)

    def heard(self, sender: str, lines: Sequence[str]) -> None:
        """Write what came in lines."""
        self._write(f"< {sender} {lines[0]}", *lines[1:])

    def nothing(self) -> None:
        """Write that nothing came in time."""
        self._write(".")

    def failed(self, error: DeviceError, at: str = "") -> None:
        """Write what the link raised."""
        self._write(" ".join(filter(None, ("!", at, _failure(error)))))

    def made(self, outcome: Measured | DeviceError) -> None:
        """Write what the driver made of it."""
        lines = told(outcome)
        self._write(f"= {lines[0]}", *lines[1:])

    def end(self) -> None:
        """Write no more; from any thread."""
        with self._lock:
            self._ended = True

    def _write(self, first: str, *further: str, remark_of: bytes = b"") -> None:
        with self._lock:
            if self._ended:
                return
            at = f"{self._seconds():.3f}"
            self._file.write(f"{at} {first}{remark(remark_of)}\n")
            self._file.writelines(f"{at} + {line}\n" for line in further)


class RecordedStream:
    """A byte stream that writes down what passes."""

    def __init__(self, stream: ByteStream, notebook: Notebook) -> None:
        self._stream, self._notebook = stream, notebook

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """As the stream's, noted."""
        try:
            data = self._stream.read(at_most, timeout_s)
        except DeviceError as error:
            self._notebook.failed(error)
            raise
        if data:
            self._notebook.received(data)
        else:
            self._notebook.nothing()
        return data

    def write(self, data: bytes) -> None:
        """As the stream's, noted."""
        try:
            self._stream.write(data)
        except DeviceError as error:
            self._notebook.sent(data, error=error)
            raise
        self._notebook.sent(data)

    def discard_input(self) -> None:
        """As the stream's; what it raises is noted."""
        try:
            self._stream.discard_input()
        except DeviceError as error:
            self._notebook.failed(error)
            raise

    def close(self) -> None:
        """As the stream's."""
        self._stream.close()


class RecordedI2c:
    """An I2C bus that writes down what passes."""

    def __init__(self, bus: I2c, notebook: Notebook) -> None:
        self._bus, self._notebook = bus, notebook

    def write(self, address: int, data: bytes) -> None:
        """As the bus's, noted."""
        try:
            self._bus.write(address, data)
        except DeviceError as error:
            self._notebook.sent(data, f"{address:02x}", error)
            raise
        self._notebook.sent(data, f"{address:02x}")

    def read(self, address: int, count: int) -> bytes:
        """As the bus's, noted."""
        try:
            data = self._bus.read(address, count)
        except DeviceError as error:
            self._notebook.failed(error, f"{address:02x}")
            raise
        self._notebook.received(data, f"{address:02x}")
        return data

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        """As the bus's, noted as a write and a read; a failure as one of the write."""
        try:
            answer = self._bus.write_read(address, data, count)
        except DeviceError as error:
            self._notebook.sent(data, f"{address:02x}", error)
            raise
        self._notebook.sent(data, f"{address:02x}")
        self._notebook.received(answer, f"{address:02x}")
        return answer

    def close(self) -> None:
        """As the bus's."""
        self._bus.close()


class RecordedW1:
    """A 1-Wire bus that writes down what its slaves say."""

    def __init__(self, bus: W1, notebook: Notebook) -> None:
        self._bus, self._notebook = bus, notebook

    def read(self, slave: str) -> bytes:
        """As the bus's, noted."""
        try:
            text = self._bus.read(slave)
        except DeviceError as error:
            self._notebook.failed(error, slave)
            raise
        self._notebook.heard(slave, w1_lines(text))
        return text

    def close(self) -> None:
        """As the bus's."""
        self._bus.close()


class Radio(Protocol):
    """A Bluetooth adapter, shared by all who listen."""

    def listen(self, address: str) -> Adverts:
        """Begin to keep what the device with this address advertises."""
        ...

    def close(self) -> None:
        """Stop listening for good; safe to call twice."""
        ...


class RecordedRadio:
    """A radio that writes down what `address` advertises, and nothing of any other device."""

    def __init__(self, radio: Radio, address: str, notebook: Notebook) -> None:
        self._radio, self._address, self._notebook = radio, address.upper(), notebook

    def listen(self, address: str) -> Adverts:
        """As the radio's; noted if it is the address."""
        adverts = self._radio.listen(address)
        if address.upper() != self._address:
            return adverts
        return _RecordedAdverts(adverts, self._address, self._notebook)

    def close(self) -> None:
        """As the radio's."""
        self._radio.close()


class _RecordedAdverts:
    def __init__(self, adverts: Adverts, address: str, notebook: Notebook) -> None:
        self._adverts, self._address, self._notebook = adverts, address, notebook

    def read(self, timeout_s: float) -> Advert | None:
        try:
            advert = self._adverts.read(timeout_s)
        except DeviceError as error:
            self._notebook.failed(error, self._address)
            raise
        if advert is None:
            self._notebook.nothing()
        elif advert.address.upper() == self._address:
            self._notebook.heard(self._address, advert_lines(advert))
        return advert

    def close(self) -> None:
        self._adverts.close()


def _failure(error: DeviceError) -> str:
    if isinstance(error, Misconfigured):
        kind = "misconfigured"
    else:
        kind = "gone" if isinstance(error, LinkGone) else "silent"
    return f"{kind}: {plain(str(error))}"
