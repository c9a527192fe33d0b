"""The whole daemon in a process of its own, with a configuration made for a campaign."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from edge_gateway.outbox import OutboxError, OutboxReader

GATEWAY = "pole-1"
_LOOK_S = 0.05
_STOP_S = 10.0
_LONGEST_TRACEBACK = 3000

Settings = dict[str, Any]


class Pole:
    """A gateway with its store in `folder` and a socket for programs; may be started many times.

    `program` is the module that is run, and words of its own.
    """

    def __init__(
        self,
        folder: Path,
        settings: Settings | None = None,
        program: Sequence[str] = ("edge_gateway",),
    ) -> None:
        self.folder = folder
        self.socket = folder / "in.sock"
        self.store = folder / "outbox" / "outbox.db"
        self.settings = settings or {}
        self.program = program
        self._path = folder / "gateway.toml"
        self._said = folder / "said"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Start it; returns at once."""
        self._path.write_text(toml(self.settings), encoding="utf-8")
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603 - this program
                [sys.executable, "-m", *self.program, "run", "--config", str(self._path)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env={**os.environ, **(environment or {})},
                cwd=Path(__file__).parents[1],
            )

    def kill(self) -> None:
        """End it as a power cut would; safe to call twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Let it do nothing any more, until `kill`; what the kernel does for it goes on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it as systemd does."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def runs(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """All it wrote to its log."""
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    def traceback(self) -> str:
        """The first traceback in its log, which should have none."""
        _, begins, rest = self.said().partition("Traceback (most recent call last)")
        return begins + rest[:_LONGEST_TRACEBACK]

    def entries(self) -> int:
        """How many entries wait in the store; -1 where that cannot be seen at this moment."""
        try:
            with OutboxReader(self.store) as reader:
                return sum(lane.entries for lane in reader.stats().values())
        except OutboxError:
            return -1

    def until_empty(self, patience_s: float) -> bool:
        """Wait until all that is in the store was delivered; whether it was."""
        ends_s = time.monotonic() + patience_s
        while time.monotonic() < ends_s and self.runs:
            if self.entries() == 0:
                return True
            time.sleep(_LOOK_S)
        return False


def settings_for(folder: Path, port: int, gateway: str = GATEWAY, **outbox: object) -> Settings:
    """A gateway that commits often and speaks to a broker on loopback."""
    return {
        "gateway": {"id": gateway},
        "clock": {"source": "trusted"},
        "outbox": {"folder": str(folder / "outbox"), "commit_interval_s": 0.2, **outbox},
        "uplink": {
            "host": "127.0.0.1",
            "port": port,
            "tls": False,
            "keepalive_s": 2,
            "reconnect_max_s": 1.0,
        },
        "device": [
            {"id": "program", "driver": "local", "socket": str(folder / "in.sock"), "mode": "0600"}
        ],
    }


def toml(settings: Settings) -> str:
    """Tables as lines of TOML; nested ones inline."""
    return "".join(f"{name} = {_value(value)}\n" for name, value in settings.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        table = cast("Settings", value)
        inside = ", ".join(f"{name} = {_value(each)}" for name, each in table.items())
        return f"{{ {inside} }}"
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in cast('list[Any]', value))}]"
    return json.dumps(value)
