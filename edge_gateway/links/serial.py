"""A serial port of Linux as a stream of bytes: pyserial opens it, poll(2) waits on it."""

from __future__ import annotations

import errno
import math
import os
import select
import stat
import termios
from pathlib import Path
from threading import Lock

import serial

from edge_gateway.links.errors import DeviceError, LinkGone, Misconfigured

WRITE_TIMEOUT_S = 2.0

# A pseudo-terminal carries bytes, not bits. Linux accepts a parity there once and answers EINVAL
# to every later setting of it, so that a port could not be opened twice.
_PSEUDO_TERMINALS = "/dev/pts/"


class SerialPort:
    """The port at `path`, for itself: opened at the first call, again at the first after LinkGone.

    One thread reads and writes; `close` may come from any other and ends a waiting read with
    LinkGone, as does every later call. Settings are made once, at opening.
    """

    def __init__(self, path: str, baud: int, parity: str = "N", bytesize: int = 8) -> None:
        self._path = path
        self._baud = baud
        self._parity = parity
        self._bytesize = bytesize
        self._port: serial.Serial | None = None
        self._closed = False
        self._lock = Lock()
        self._closing = Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def read(self, at_most: int, timeout_s: float) -> bytes:
        """Return what has come, at least one byte; empty when nothing came in `timeout_s`."""
        with self._lock:
            port = self._opened()
            try:
                if not self._comes_within(port, timeout_s):
                    return b""
                return _some(port.fileno(), at_most)
            except (OSError, termios.error) as error:
                raise self._lost(error) from error

    def write(self, data: bytes) -> None:
        """Hand all of `data` to the port."""
        with self._lock:
            port = self._opened()
            try:
                port.write(data)
            except serial.SerialTimeoutException as error:
                self._let_go()
                raise LinkGone(
                    f"{self._path} took no bytes for {WRITE_TIMEOUT_S:g} s: adapter hangs"
                ) from error
            except (OSError, termios.error) as error:
                raise self._lost(error) from error

    def discard_input(self) -> None:
        """Forget what has come and was not read."""
        with self._lock:
            port = self._opened()
            try:
                port.reset_input_buffer()
            except (OSError, termios.error) as error:
                raise self._lost(error) from error

    def close(self) -> None:
        """Give the port back for good; a read that waits in another thread ends at once."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        os.eventfd_write(self._wake, 1)
        with self._lock:
            self._let_go()
            os.close(self._wake)

    def _comes_within(self, port: serial.Serial, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(port.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        ready = poll.poll(math.ceil(timeout_s * 1000))
        if self._closed:
            raise LinkGone(f"{self._path} was closed")
        return bool(ready)

    def _opened(self) -> serial.Serial:
        if self._closed:
            raise LinkGone(f"{self._path} was closed")
        if self._port is None:
            self._port = self._open()
        return self._port

    def _open(self) -> serial.Serial:
        path = os.path.realpath(self._path)
        try:
            if not stat.S_ISCHR(Path(path).stat().st_mode):
                raise Misconfigured(f"{self._path} is not a serial port")
            return serial.Serial(
                self._path,
                self._baud,
                bytesize=self._bytesize,
                parity="N" if path.startswith(_PSEUDO_TERMINALS) else self._parity,
                timeout=0,
                write_timeout=WRITE_TIMEOUT_S,
                exclusive=True,
            )
        except (OSError, termios.error, ValueError) as error:
            raise self._opening_fault(error) from error

    def _lost(self, error: Exception) -> LinkGone:
        self._let_go()
        return LinkGone(f"{self._path} is gone ({error}): plug it in again")

    def _let_go(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _opening_fault(self, error: Exception) -> DeviceError:
        code = _code(error)
        if code in {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO}:
            return LinkGone(
                f"{self._path} does not exist: plug the adapter in; "
                "`ls /dev/serial/by-id` shows what is there"
            )
        if code in {errno.EACCES, errno.EPERM}:
            return Misconfigured(
                f"no permission to open {self._path}: add the user to the group dialout "
                "and log in anew"
            )
        if code in {errno.EAGAIN, errno.EBUSY}:
            return LinkGone(f"{self._path} is in use by another program: end that one")
        if code in {errno.EINVAL, errno.ENOTTY} or isinstance(error, ValueError):
            return Misconfigured(
                f"{self._path} is no serial port, or cannot do {self._baud} baud "
                f"{self._bytesize}{self._parity}1: {error}"
            )
        return LinkGone(f"{self._path} cannot be opened: {error}")


def _some(descriptor: int, at_most: int) -> bytes:
    data = os.read(descriptor, at_most)
    if not data:
        raise OSError(errno.EIO, "the line was hung up")
    return data


def _code(error: BaseException | None) -> int | None:
    """The errno behind what pyserial raised; it keeps some only in the error it was handling."""
    if isinstance(error, termios.error):
        return int(error.args[0])
    if isinstance(error, OSError):
        return error.errno if error.errno is not None else _code(error.__context__)
    return None
