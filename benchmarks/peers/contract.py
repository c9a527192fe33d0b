"""What a gateway brings along to be measured."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SENSORS = 50


@dataclass(frozen=True, slots=True)
class Block:
    """Readings that came together. `key` is theirs for ever, None where the gateway gives none.

    `kind` parts what may overtake each other: live readings and those of the backlog.
    """

    key: str | None
    kind: str
    numbers: Sequence[int]


Decode = Callable[[str, bytes], Iterable[Block]]
"""The blocks of a message, by topic and payload; raises ValueError where it makes no sense."""

Answer = Callable[[str, bytes], tuple[str, bytes] | None]
"""What a platform would answer to a message, as topic and payload."""


class Handover(Protocol):
    """How readings are handed to a gateway; made in the feeder's process."""

    def connect(self) -> None:
        """Connect; raises OSError or Refused while the gateway is not there yet."""
        ...

    def fileno(self) -> int:
        """The socket, to wait for."""
        ...

    def send(self, first: int, unix_s: Sequence[float]) -> None:
        """Hand in readings from number `first` on, with their times."""
        ...

    def receive(self) -> int:
        """Take in what has come; how many readings are accepted by now, since it was connected."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a gateway runs: its folder, on the file system that is measured, and its uplink."""

    folder: Path
    uplink_port: int


@dataclass(frozen=True, slots=True)
class Started:
    """A running gateway: its process, and how it is fed."""

    process: subprocess.Popen[bytes]
    handover: Callable[[], Handover]


@dataclass(frozen=True, slots=True)
class Peer:
    """A gateway. `decode` and `answer` are functions of a module: they run in the collector.

    `title`: what it is and how it was set; `acceptance`: what it means that a reading is accepted.
    `rush_readings`: how many it is given flat out. `backlog_readings`: how many are to wait for
    the uplink, handed in at `backlog_rate_hz`, or with None as fast as it takes them.
    `missing`: what must be installed first, as a sentence, or None. `start`: its log goes to `log`
    in the folder.
    """

    name: str
    title: str
    acceptance: str
    decode: Decode
    rush_readings: int
    backlog_readings: int
    backlog_rate_hz: float | None
    start: Callable[[Ground], Started]
    missing: Callable[[], str | None] = lambda: None
    answer: Answer | None = None


def launch(command: Sequence[str], folder: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a process in `folder`, its words to `log` there; more environment on top of ours."""
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - a peer's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**_environment(), **environment},
        )


def _environment() -> dict[str, str]:
    # What a gateway needs to run, and nothing that would make two runs differ.
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}
