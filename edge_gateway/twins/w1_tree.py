"""A folder that looks like /sys/bus/w1/devices, with simulated slaves behind its files."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

from edge_gateway.twins.powered import Powered


class W1Slave(Protocol):
    """A simulated slave as the kernel's driver shows it."""

    def convert(self) -> bytes:
        """Measure and give the text of `w1_slave`; empty where the conversion did not start."""
        ...


class SimulatedW1Tree(Powered):
    """The slaves of one bus by name, each with a folder of its own under `folder`.

    A plain file does not measure when it is opened, as one of sysfs does. Hand `read_file` to the
    link in the same process; for another process, `start` keeps the files fresh.
    """

    def __init__(
        self, folder: Path, slaves: Mapping[str, W1Slave], *, period_s: float = 1.0
    ) -> None:
        super().__init__()
        self._folder = folder
        self._slaves = dict(slaves)
        self._period_s = period_s
        self._moving = Lock()
        self.plug()

    def convert(self, slave: str) -> None:
        """Have the slave measure and rewrite its file; nothing happens while it is unplugged."""
        text = self._slaves[slave].convert()
        with self._moving:
            place = self._folder / slave
            if place.is_dir():
                fresh = place / "w1_slave.new"
                fresh.write_bytes(text)
                fresh.replace(place / "w1_slave")  # sysfs never shows half a text

    def read_file(self, path: Path) -> bytes:
        """What opening and reading a file of this tree gives under Linux."""
        slave = path.parent.name
        if slave in self._slaves:
            self.convert(slave)
        return path.read_bytes()

    def unplug(self) -> None:
        """Tear the bus off: the kernel takes the folders of its slaves away."""
        with self._moving:
            for slave in self._slaves:
                shutil.rmtree(self._folder / slave, ignore_errors=True)

    def plug(self) -> None:
        """Bring the bus back; the kernel's search finds its slaves."""
        with self._moving:
            for slave in self._slaves:
                place = self._folder / slave
                place.mkdir(parents=True, exist_ok=True)
                (place / "w1_slave").touch()

    def run(self) -> None:
        """Rewrite all files once a period."""
        while True:
            for slave in self._slaves:
                self.convert(slave)
            if self.stopped.wait(self._period_s):
                return
