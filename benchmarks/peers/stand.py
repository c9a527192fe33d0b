"""The test stand: a gateway between its feeder and a broker, with meters at every wire."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from benchmarks.peers import collector, feeder, proxy
from benchmarks.peers.board import Board, Tally
from benchmarks.peers.collector import Place
from benchmarks.peers.contract import Ground, Peer
from benchmarks.peers.feeder import Fed, Feed
from benchmarks.peers.meters import Meters
from benchmarks.peers.volume import Volume
from edge_gateway.twins.broker import Broker, free_port

_UPSTREAM = "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
_ORDER_S = 30.0
_END_S = 10.0
_LOOK_S = 0.05
_SPAWN = multiprocessing.get_context("spawn")


class Failed(Exception):
    """The run came to nothing; the text says why."""


class Stand:
    """Everything runs while the context lasts. `base`: a folder on the disk that is measured."""

    def __init__(self, peer: Peer, base: Path, capacity: int) -> None:
        self.peer = peer
        self._base = base
        self._capacity = capacity
        self._parts = ExitStack()
        self._pids = [os.getpid()]

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            shared = Path(
                parts.enter_context(
                    tempfile.TemporaryDirectory(
                        prefix="bench-",
                        dir="/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108 - a name nobody can guess, in memory
                    )
                )
            )
            self._path = shared / "board"
            self.board = Board(self._path, self._capacity)
            self.volume = parts.enter_context(Volume(self._base))
            broker = parts.enter_context(Broker("mosquitto", settings=_UPSTREAM))
            self._pids.append(broker.pid or 0)
            self._uplink = self._collect_and_connect(parts, broker.port)
            parts.callback(self._end_gateway)
            started = self.peer.start(Ground(self.volume.folder, self._port))
            self._gateway = started.process
            self._feeder = self._process(
                parts, feeder.run, (self._path, self._capacity, started.handover), None
            )
            self.meters = Meters(started.process.pid, self._pids, self.volume.device_bytes)
            self.meters.start()
            parts.callback(self.meters.stop)
            self._parts = parts.pop_all()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._parts.close()

    def feed(self, order: Feed) -> None:
        """Begin to hand in; `fed` waits for its end."""
        self.board[Tally.STOP] = 0
        self._feeder.send(order)

    def fed(self, within_s: float) -> Fed:
        """How it went, once all of it is accepted. Raises Failed."""
        if not self._feeder.poll(within_s):
            raise Failed(f"{self.peer.name} took no end of readings within {within_s:.0f} s")
        done: Fed = self._feeder.recv()
        if done.trouble:
            raise Failed(f"{self.peer.name}: {done.trouble}. {self._log()}")
        return done

    def stop_feeding(self, within_s: float = 60.0) -> Fed:
        """Have it stop now."""
        self.board[Tally.STOP] = 1
        return self.fed(within_s)

    def cut(self) -> None:
        """The uplink is gone."""
        self._tell(proxy.CUT)

    def mend(self) -> None:
        """The uplink is back."""
        self._tell(proxy.MEND)

    def wait(self, is_so: Callable[[Board], bool], *, silence_s: float) -> bool:
        """Until it is so; False when nothing more was delivered for `silence_s`."""
        before, since_s = self.board[Tally.DELIVERED], time.monotonic()
        while not is_so(self.board):
            self._check()
            now = self.board[Tally.DELIVERED]
            if now != before:
                before, since_s = now, time.monotonic()
            elif time.monotonic() - since_s > silence_s:
                return False
            time.sleep(_LOOK_S)
        return True

    def wait_for_all(self, silence_s: float) -> bool:
        """Until all that was handed in is delivered."""
        return self.wait(lambda b: b[Tally.DELIVERED] >= b[Tally.HANDED], silence_s=silence_s)

    def disk_bytes(self) -> int:
        """What lies in the gateway's folder, its log and settings included."""
        files = (path for path in self.volume.folder.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)

    def _collect_and_connect(self, parts: ExitStack, upstream: int) -> Connection:
        peer = self.peer
        place = Place(upstream, self._path, self._capacity, peer.decode, peer.answer)
        orders = self._process(parts, collector.collect, (place,), "end")
        if not orders.poll(_ORDER_S) or orders.recv() != "ready":
            raise Failed("the collector does not start")
        self._port = free_port()
        arguments = (self._path, self._capacity, self._port, upstream)
        uplink = self._process(parts, proxy.serve, arguments, proxy.END)
        if not uplink.poll(_ORDER_S) or uplink.recv() != proxy.MEND:
            raise Failed("the proxy does not start")
        return uplink

    def _process(
        self,
        parts: ExitStack,
        target: Callable[..., None],
        arguments: tuple[Any, ...],
        last: object,
    ) -> Connection:
        near, far = multiprocessing.Pipe()
        process = _SPAWN.Process(target=target, args=(far, *arguments), daemon=True)
        process.start()
        far.close()
        self._pids.append(process.pid or 0)

        def end() -> None:
            self.board[Tally.STOP] = 1
            if process.is_alive():
                near.send(last)
            process.join(_END_S)
            process.kill()

        parts.callback(end)
        # Type checkers see the pipe of every platform.
        return cast("Connection", near)

    def _tell(self, order: str) -> None:
        self._uplink.send(order)
        if not self._uplink.poll(_ORDER_S) or self._uplink.recv() != order:
            raise Failed("the proxy does not answer")

    def _check(self) -> None:
        code = self._gateway.poll()
        if code is not None:
            raise Failed(f"{self.peer.name} ended by itself with {code}. {self._log()}")

    def _log(self) -> str:
        words = (self.volume.folder / "log").read_text(encoding="utf-8", errors="replace")
        return "Its last words: " + " | ".join(words.strip().splitlines()[-5:])

    def _end_gateway(self) -> None:
        process: subprocess.Popen[bytes] | None = getattr(self, "_gateway", None)
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
