"""A Unix socket at which programs on the pole hand in lines, each of which is answered.

`A<n>`: the first n lines of this connection are durable, or were refused. `E<n> why`: line n was
refused. What a line says is the driver's business. The modes of the file decide who may connect.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import socket
import stat
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from edge_gateway.clock import Clock
from edge_gateway.links.errors import DeviceError, LinkGone, Misconfigured
from edge_gateway.links.local_client import Client

MOST_CLIENTS = 64
# Readings that are not answered yet, of all clients; beyond it nobody is read from.
MOST_WAITING = 10_000

# A few lines at a time cost far more each than many: wait a little, and longer where few come.
_FEW_LINES = 100
_SHORTEST_LINGER_MS = 1
_LONGEST_LINGER_MS = 64

_NO_RETRY_HELPS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG}


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of one client, parted by newlines: the numbers of the first and the last one."""

    client: Client
    first: int
    last: int
    lines: bytes


class LocalSocket:
    """Listens at `path` from now on. `wake` may be called from any thread, all else from one.

    `mode` and `group` are those of the file, before anyone can connect. A file left over by a
    process that is gone is replaced. Raises Misconfigured or LinkGone when it cannot listen.
    """

    def __init__(self, path: Path, *, mode: int, group: str | None, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._clients: dict[int, Client] = {}
        self._watched: dict[int, int] = {}
        self._linger_ms = 0
        self._progress = 0
        self._asked_at: int | None = None
        self._is_closed = False
        self._closing = Lock()
        with ExitStack() as undo:
            try:
                self._listener = undo.enter_context(_listen(path, mode, group))
                self._file = _identity(path)
                self._epoll = undo.enter_context(select.epoll())
            except (OSError, LookupError) as error:
                raise _refusal(path, group, error) from error
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            undo.pop_all()
        self._only_wake = select.poll()
        self._only_wake.register(self._wake, select.POLLIN)
        self._watch(self._wake, select.EPOLLIN)
        self._watch(self._listener.fileno(), select.EPOLLIN)

    @property
    def waiting(self) -> int:
        """Readings handed in and not yet answered, of all clients."""
        return sum(client.urgency.waiting for client in self._clients.values())

    def wait(self) -> list[Piece]:
        """Return what came; nothing when `wake` was called or somebody may be held up."""
        if self._linger_ms and self.waiting:
            self._only_wake.poll(self._linger_ms)
        pieces: list[Piece] = []
        for descriptor, _ in self._events():
            if descriptor == self._wake:
                os.eventfd_read(self._wake)
            elif descriptor == self._listener.fileno():
                self._accept()
            elif (piece := self._attend(self._clients[descriptor])) is not None:
                pieces.append(piece)
        self._set_linger(pieces)
        return pieces

    def owe(self, client: Client, line: int, readings: int, ticket: int) -> None:
        """All lines of this client up to this one are answered when the outbox is at `ticket`."""
        client.owe(line, readings, ticket, self._clock.now().monotonic_ns)

    def is_awaited(self) -> bool:
        """Whether a commit now would let somebody go on; said once until one has come."""
        if self._asked_at == self._progress:
            return False
        now_ns = self._clock.now().monotonic_ns
        urgent = any(client.urgency.is_urgent(now_ns) for client in self._clients.values())
        if urgent or self.waiting >= MOST_WAITING:
            self._asked_at = self._progress
            return True
        return False

    def settle(self, through: int) -> None:
        """The outbox has come so far: answer what that settles."""
        now_ns = self._clock.now().monotonic_ns
        for client in list(self._clients.values()):
            if client.settle(through, now_ns):
                self._progress += 1
            client.send()
            if client.is_done:
                self._part_from(client)
        is_full = self.waiting >= MOST_WAITING
        for descriptor, client in self._clients.items():
            reads = client.is_readable and not is_full
            writes = client.has_unsent and not client.is_done
            self._watch(descriptor, select.EPOLLIN * reads | select.EPOLLOUT * writes)
        has_room = len(self._clients) < MOST_CLIENTS
        self._watch(self._listener.fileno(), select.EPOLLIN * has_room)

    def wake(self) -> None:
        """Have `wait` return now."""
        with self._closing:
            if not self._is_closed:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Part from everyone and take the file away; safe to call twice."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            for client in self._clients.values():
                client.connection.close()
            self._clients.clear()
            self._epoll.close()
            os.close(self._wake)
        with suppress(OSError):
            if _identity(self._path) == self._file:
                self._path.unlink()
        self._listener.close()

    def _events(self) -> list[tuple[int, int]]:
        now_ns = self._clock.now().monotonic_ns
        dues = [client.urgency.due_in_ns(now_ns) for client in self._clients.values()]
        soonest_ns = min((due for due in dues if due is not None), default=None)
        if soonest_ns is None or self._asked_at == self._progress:
            return self._epoll.poll()
        return self._epoll.poll(soonest_ns / 1e9 + 0.001)

    def _attend(self, client: Client) -> Piece | None:
        if client.has_unsent:
            client.send()
        if not client.is_readable or self.waiting >= MOST_WAITING:
            return None
        came = client.read()
        return None if came is None else Piece(client, *came)

    def _set_linger(self, pieces: list[Piece]) -> None:
        if not pieces:
            return
        lines = sum(piece.last - piece.first + 1 for piece in pieces)
        if lines >= _FEW_LINES:
            self._linger_ms = 0
        else:
            self._linger_ms = min(2 * self._linger_ms or _SHORTEST_LINGER_MS, _LONGEST_LINGER_MS)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            raise LinkGone(f"{self._path}: no more connections: {error.strerror}") from error
        self._clients[connection.fileno()] = Client(connection)
        self._watch(connection.fileno(), select.EPOLLIN)

    def _part_from(self, client: Client) -> None:
        descriptor = client.connection.fileno()
        self._watch(descriptor, 0)
        del self._clients[descriptor]
        client.connection.close()

    def _watch(self, descriptor: int, events: int) -> None:
        """Nothing to wait for is no watch at all: a closed connection would wake us for ever."""
        before = self._watched.get(descriptor, 0)
        if events == before:
            return
        if not events:
            self._epoll.unregister(descriptor)
        elif before:
            self._epoll.modify(descriptor, events)
        else:
            self._epoll.register(descriptor, events)
        self._watched[descriptor] = events


def _listen(path: Path, mode: int, group: str | None) -> socket.socket:
    """Bind beside the name, give it its modes, listen, and only then take the name."""
    _check_free(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with ExitStack() as undo:
        listener = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.settimeout(0)
        beside.unlink(missing_ok=True)
        listener.bind(str(beside))
        undo.callback(beside.unlink, missing_ok=True)
        if group is not None:
            shutil.chown(beside, group=group)
        beside.chmod(mode)
        listener.listen(MOST_CLIENTS)
        beside.rename(path)
        undo.pop_all()
    return listener


def _check_free(path: Path) -> None:
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise Misconfigured(f"{path} is there and no socket: remove it or name another `socket`")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe,
        suppress(ConnectionRefusedError),
    ):
        probe.connect(str(path))
        raise LinkGone(f"{path}: another program listens there; is a second gateway running?")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _refusal(path: Path, group: str | None, error: Exception) -> DeviceError:
    if isinstance(error, LookupError):
        return Misconfigured(f"there is no group {group!r} on this machine")
    assert isinstance(error, OSError)
    if error.errno == errno.ENOENT:
        return LinkGone(f"{path}: the folder {path.parent} does not exist: make it")
    what = f"{path}: cannot listen: {error.strerror or error}"
    return Misconfigured(what) if error.errno in _NO_RETRY_HELPS else LinkGone(what)
