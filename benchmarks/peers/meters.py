"""What a gateway's processes take, and what the rest of the machine does meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SAMPLE_S = 0.1


@dataclass(frozen=True, slots=True)
class Taken:
    """At one moment, since the start: processor seconds, bytes, resident bytes now.

    `device_bytes` is None where the store has no block device to itself.
    `busy_s`: of all processors of the machine; `harness_s`: of this harness.
    """

    at_s: float
    cpu_s: float
    rss_bytes: int
    written_bytes: int
    device_bytes: int | None
    busy_s: float
    harness_s: float


class Meters:
    """Reads the meters of the process `pid` and its children, and samples their memory."""

    def __init__(
        self, pid: int, harness: Iterable[int], device_bytes: Callable[[], int | None]
    ) -> None:
        self._root = psutil.Process(pid)
        self._harness = tuple(harness)
        self._device_bytes = device_bytes
        self._rss: list[tuple[float, int]] = []
        self._ending = Event()
        self._thread = Thread(target=self._sample, daemon=True)

    def start(self) -> None:
        """Begin to sample the memory."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._ending.set()
        self._thread.join()

    def read(self) -> Taken:
        """All meters now."""
        pids = self._pids()
        return Taken(
            time.monotonic(),
            # A child that has ended counts in its parent.
            cpu_s(self._root.pid, with_ended=True) + sum(map(cpu_s, pids[1:])),
            self.rss_bytes(),
            sum(map(_written_bytes, pids)),
            self._device_bytes(),
            _busy_s(),
            sum(cpu_s(pid, with_ended=True) for pid in self._harness),
        )

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return sum(map(_rss_bytes, self._pids()))

    def highest_rss_bytes(self, since_s: float) -> int:
        """The most that was sampled since then, every 0.1 s."""
        return max((rss for at_s, rss in self._rss if at_s >= since_s), default=0)

    def _sample(self) -> None:
        while not self._ending.wait(_SAMPLE_S):
            self._rss.append((time.monotonic(), self.rss_bytes()))

    def _pids(self) -> list[int]:
        with suppress(psutil.NoSuchProcess):
            return [self._root.pid, *(child.pid for child in self._root.children(recursive=True))]
        return [self._root.pid]


def cpu_s(pid: int, *, with_ended: bool = False) -> float:
    """User and system time of a process, proc(5); with those of its children that have ended."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return sum(map(int, fields[11 : 15 if with_ended else 13])) / TICKS_PER_S
    return 0.0


def _rss_bytes(pid: int) -> int:
    with suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGESIZE")
    return 0


def _written_bytes(pid: int) -> int:
    with suppress(OSError):
        lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))
    return 0


def _busy_s() -> float:
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / TICKS_PER_S
