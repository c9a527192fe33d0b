"""A D-Bus message bus of its own, away from the machine's: for the simulated bluetoothd."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

_CONFIGURATION = """<busconfig><type>custom</type><listen>unix:path={socket}</listen>
<auth>EXTERNAL</auth><policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


class PrivateBus:
    """A dbus-daemon for one test; `address` is what DBUS_SYSTEM_BUS_ADDRESS is set to.

    FileNotFoundError where dbus-daemon is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus"
        self._configuration = folder / "bus.conf"
        self._configuration.write_text(_CONFIGURATION.format(socket=self._socket))
        self._daemon: subprocess.Popen[bytes] | None = None
        self.address = f"unix:path={self._socket}"

    def start(self) -> Self:
        """Begin; on return it takes connections."""
        if self._daemon is None:
            self._socket.unlink(missing_ok=True)
            daemon = subprocess.Popen(  # noqa: S603 - its arguments are ours
                [
                    *("dbus-daemon", f"--config-file={self._configuration}"),
                    *("--nofork", "--nopidfile", "--print-address=1"),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                process_group=0,  # a Ctrl-C in the terminal ends us, and we end it
            )
            self._daemon = daemon
            if daemon.stdout is not None:
                daemon.stdout.readline()
        return self

    def stop(self) -> None:
        """End: all connections break. Safe to call twice."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.terminate()
            daemon.communicate()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
