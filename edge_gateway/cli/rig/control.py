"""The door of a running rig: a Unix socket that takes and gives JSON, a line each.

{"do": "list"}                                      -> {"ok": true, "devices": [...]}
{"do": "fault", "device": "wind", "fault": "crc", "times": 2}
                                                    -> {"ok": true, "done": "wind: crc, ..."}
anything else                                       -> {"ok": false, "error": "..."}
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import Thread
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import ValidationError

from edge_gateway.cli.rig.subject import BadOrder, Subject, find
from edge_gateway.cli.terminal import CommandError
from edge_gateway.config import Section

LONGEST_LINE = 65_536
PATIENCE_S = 10.0

Told = Callable[[str], None]
"""Hears what was done to the rig."""


class Request(Section):
    """What may be asked."""

    do: Literal["list", "fault"]
    device: str = ""
    fault: str = ""
    times: int = 1


def default_path() -> Path:
    """Where a rig of this user listens: in the runtime folder of logind, or one like it."""
    user = os.getuid()
    runtime = Path(f"/run/user/{user}")
    if runtime.is_dir():
        return runtime / "edge-gateway-rig.sock"
    return Path(tempfile.gettempdir()) / f"edge-gateway-{user}" / "rig.sock"


class ControlSocket:
    """Listens at `path`, for its owner alone, while the `with` block runs.

    Raises CommandError where another rig listens, or the socket cannot be made.
    """

    def __init__(self, path: Path, subjects: Mapping[str, Subject], told: Told) -> None:
        self._path = path
        try:
            _make_way(path)
            self._server = _Server(path, lambda line: _answer(line, subjects, told))
        except OSError as error:
            raise CommandError(f"{path}: no rig can listen there: {error.strerror or error}") from (
                error
            )
        self._thread = Thread(target=self._server.serve_forever, name="rig-control", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)


def ask(path: Path, request: Request) -> dict[str, Any]:
    """Ask the rig at `path`; raises CommandError where none answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.settimeout(PATIENCE_S)
            door.connect(str(path))
            door.sendall(request.model_dump_json().encode() + b"\n")
            with door.makefile("rb") as answers:
                line = answers.readline()
            return cast("dict[str, Any]", json.loads(line))
    except PermissionError as error:
        raise CommandError(f"{path}: the rig there is another user's") from error
    except (OSError, ValueError) as error:
        raise CommandError(
            f"{path}: no rig answers there; start one: edge-gateway rig run gateway.toml"
        ) from error


def _answer(line: bytes, subjects: Mapping[str, Subject], told: Told) -> Mapping[str, object]:
    try:
        request = Request.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return {"ok": False, "error": f"not understood: {where}: {first['msg']}"}
    if request.do == "list":
        return {"ok": True, "devices": [_described(one) for one in subjects.values()]}
    try:
        done = find(subjects, request.device).order(request.fault, request.times)
    except BadOrder as error:
        return {"ok": False, "error": str(error)}
    told(done)
    return {"ok": True, "done": done}


def _described(subject: Subject) -> Mapping[str, object]:
    return {
        "device": subject.id,
        "driver": subject.driver,
        "place": subject.place,
        "faults": list(subject.faults),
        "shared_with": list(subject.neighbours),
    }


def _make_way(path: Path) -> None:
    """Make the folder of a socket, and take away one that nobody listens at any more."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.parent == default_path().parent and path.parent.lstat().st_uid != os.getuid():
        raise CommandError(f"{path.parent} is another user's: name a socket with --control")
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise CommandError(f"{path} is there and is no socket: name another with --control")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PATIENCE_S)
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
        raise CommandError(f"another rig listens at {path}: name another socket with --control")


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, path: Path, answer: Callable[[bytes], Mapping[str, object]]) -> None:
        self.answer = answer
        super().__init__(str(path), _Conversation)

    def server_bind(self) -> None:
        # The mode a socket has when it is bound is that of its file, from the first moment on.
        os.fchmod(self.socket.fileno(), 0o600)
        super().server_bind()


class _Conversation(StreamRequestHandler):
    timeout: ClassVar[float | None] = PATIENCE_S

    def handle(self) -> None:
        answer = cast("_Server", self.server).answer
        with contextlib.suppress(OSError):  # who asked has gone, or says nothing for too long
            while line := self.rfile.readline(LONGEST_LINE):
                said = json.dumps(answer(line), ensure_ascii=False)
                self.wfile.write(said.encode() + b"\n")
