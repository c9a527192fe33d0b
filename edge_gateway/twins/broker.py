"""A broker in a box: mosquitto where it is installed, the one inside PyPI's iotcore otherwise.

Both run as a process of their own on a free loopback port and are ended by their own id.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Literal, Self

Kind = Literal["mosquitto", "iotcore"]

_HOST = "127.0.0.1"
# Below those that Linux gives to connections (net.ipv4.ip_local_port_range).
_PORTS = (15_000, 32_768)
_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 5.0
_POLL_S = 0.01

# Debian installs daemons where a user's PATH does not look.
_SBIN = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/sbin"))

# iotcore's broker is rumqttd: MQTT 5 needs a listener of its own beside one for 3.1.1.
_IOTCORE = """id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 10
[v4.1]
name = "mqtt-3"
listen = "{host}:{other_port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
[v5.1]
name = "mqtt-5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


class NoBroker(Exception):
    """No broker can be started; the text says why and what to install."""


class Broker:
    """An MQTT 5 broker on `port` of loopback while the context lasts; `name` says which.

    `settings` are more lines of mosquitto.conf, for the first listener; `persistence` keeps what
    mosquitto holds over `kill` and `start`.
    """

    def __init__(
        self, kind: Kind | None = None, *, settings: str = "", persistence: bool = False
    ) -> None:
        found = available()
        if kind is not None and kind not in found:
            raise NoBroker(f"{kind} is not installed here")
        if not found:
            raise NoBroker(
                "no MQTT broker is installed: install Debian's mosquitto, or this package with "
                "its `demo` extra"
            )
        self.name: Kind = kind or found[0]
        self.port = free_port()
        self._settings = settings
        self._persistence = persistence
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="edge-gateway-broker-")
        self._log = Path(self._folder.name) / "log"

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it on `port`; returns when it accepts connections. Raises NoBroker."""
        command = self._mosquitto() if self.name == "mosquitto" else self._iotcore()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the program found above, our own file
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while not _accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                self.kill()
                said = self._log.read_text(errors="replace").strip().splitlines()[-5:]
                raise NoBroker(f"{self.name} does not start: {'; '.join(said)}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it in peace; safe to call twice."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would; safe to call twice."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang: its connections stay open and nothing is answered."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End a pause."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _mosquitto(self) -> list[str]:
        # As root it would change to a user who may not write here.
        user = "user root\n" if os.geteuid() == 0 else ""
        keep = "true" if self._persistence else "false"
        settings = self._settings or "allow_anonymous true\n"
        path = Path(self._folder.name) / "mosquitto.conf"
        path.write_text(
            f"{user}persistence {keep}\npersistence_location {self._folder.name}/\n"
            f"autosave_interval 1\nlistener {self.port} {_HOST}\n{settings}\n",
            encoding="utf-8",
        )
        return [_mosquitto_path() or "mosquitto", "-c", str(path)]

    def _iotcore(self) -> list[str]:
        path = Path(self._folder.name) / "iotcore.toml"
        text = _IOTCORE.format(host=_HOST, port=self.port, other_port=free_port())
        path.write_text(text, encoding="utf-8")
        # -P: what lies in the working directory must not stand in for the package.
        options = ["--config", str(path), "--log-level", "CRITICAL"]
        return [sys.executable, "-P", "-m", "iotcore", *options]


def available() -> tuple[Kind, ...]:
    """The brokers this machine can start, the best first."""
    found: list[Kind] = []
    if _mosquitto_path() is not None:
        found.append("mosquitto")
    if importlib.util.find_spec("iotcore") is not None:
        found.append("iotcore")
    return tuple(found)


def free_port() -> int:
    """A loopback port nobody listens on at this moment, and that no connection is given either.

    Linux gives connections ports from 32768 on: a client that finds nobody on such a port may be
    given that very port, is then connected to itself, and whoever wants to listen there finds it
    taken.
    """
    chance = SystemRandom()
    while True:
        probe = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with probe, contextlib.suppress(OSError):
            probe.bind((_HOST, chance.randrange(*_PORTS)))
            return int(probe.getsockname()[1])


def _mosquitto_path() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection((_HOST, port), timeout=1.0):
            return True
    except OSError:
        return False
