"""1-Wire slaves as the kernel shows them in sysfs (kernel Documentation/w1/slaves/w1_therm.rst)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured

SLAVES = Path("/sys/bus/w1/devices")
LONGEST_TEXT = 4096  # sysfs gives no file more than a page

_VANISHED = frozenset({errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


def read_page(path: Path) -> bytes:
    """What the kernel gives for one opening of a sysfs file."""
    with path.open("rb", buffering=0) as file:
        return file.read(LONGEST_TEXT)


class W1Folder:
    """The slaves under `folder`. Nothing is kept open; after `close` every call raises LinkGone.

    Any thread may read: the kernel itself lets one transaction at a time onto a bus.
    """

    def __init__(
        self, folder: Path = SLAVES, *, read_file: Callable[[Path], bytes] = read_page
    ) -> None:
        self._folder = folder
        self._read_file = read_file
        self._closed = False

    def read(self, slave: str) -> bytes:
        """Have the slave measure and return the text of its `w1_slave`."""
        if self._closed:
            raise LinkGone(f"{self._folder} was closed")
        try:
            text = self._read_file(self._folder / slave / "w1_slave")
        except OSError as error:
            raise self._fault(error, slave) from error
        if not text:
            # What the kernel shows when the bus is busy or the conversion could not be started.
            raise DeviceSilent(f"1-Wire slave {slave} made no conversion: its file is empty")
        return text

    def close(self) -> None:
        """End every later call."""
        self._closed = True

    def _fault(self, error: OSError, slave: str) -> DeviceError:
        if error.errno in _FORBIDDEN:
            return Misconfigured(f"no permission to read 1-Wire slaves in {self._folder}")
        if error.errno not in _VANISHED:
            return DeviceSilent(f"1-Wire slave {slave} does not answer: {error.strerror}")
        if not self._folder.is_dir():
            return LinkGone(
                f"{self._folder} does not exist: switch 1-Wire on (dtoverlay=w1-gpio in"
                " config.txt) or plug the adapter in"
            )
        return LinkGone(
            f"1-Wire slave {slave} is not on the bus: check its wires; `ls {self._folder}` shows"
            " what is there"
        )
