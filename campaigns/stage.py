"""Acts scenes out, each in a process of its own: `python -m campaigns.stage` under the fault shim.

Orders come as JSON lines on standard input, what the scene said goes back as one line each. The
modules are imported once and every scene runs in a fork, so that thousands of them take seconds.
"""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from campaigns.scenes import SCENES
from campaigns.shim import Control, Fault, How, build, preloaded
from campaigns.unsafe import weaken
from edge_gateway.outbox import OutboxError

Line = list[str | int]
"""A word and its values, as a scene said them."""

# What a recorded scene says where a hurt one loses its peace, and where it has it again.
ARMED = "armed"
OVER = "over"

_MARK = ord("A")


@dataclass(frozen=True, slots=True)
class Acted:
    """What a scene said, the number of operations it made, and whether it was killed."""

    said: list[Line]
    operations: int
    killed: bool
    failure: str


class Stage:
    """A process under the fault shim, for stores in folders below `folder`.

    With `weak` the store speaks `synchronous = NORMAL` to SQLite: a control that must lose.
    """

    def __init__(self, folder: Path, *, weak: bool = False) -> None:
        self.log = folder / "operations"
        self._control = folder / "control"
        Control(self._control)
        watched = folder / "stores"
        watched.mkdir(exist_ok=True)
        environment = preloaded(
            build("faultshim", folder),
            {
                "FAULTSHIM_FOLDER": str(watched),
                "FAULTSHIM_CONTROL": str(self._control),
                "FAULTSHIM_LOG": str(self.log),
            },
        )
        command = [sys.executable, "-m", "campaigns.stage", str(self._control), str(self.log)]
        self._process = subprocess.Popen(  # noqa: S603 - this module
            [*command, *(["weak"] if weak else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[1],
        )
        self.stores = watched

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def prepare(self, scene: str, folder: Path) -> Acted:
        """Make the store of a scene in peace."""
        return self._order("prepare", scene, folder, Fault(), record=False)

    def act(self, scene: str, folder: Path, fault: Fault, *, record: bool = False) -> Acted:
        """Act a scene out, hurt as `fault` says; with `record` its operations go to the log."""
        return self._order("act", scene, folder, fault, record=record)

    def _order(self, what: str, scene: str, folder: Path, fault: Fault, *, record: bool) -> Acted:
        sink, source = self._process.stdin, self._process.stdout
        if sink is None or source is None:
            raise BrokenPipeError("the stage has no pipes")
        order = (what, scene, str(folder), int(fault.how), fault.at, fault.times, record)
        sink.write(json.dumps(order) + "\n")
        sink.flush()
        answer = source.readline()
        if not answer:
            raise BrokenPipeError("the stage has ended; what it said stands above")
        return Acted(**json.loads(answer))


class _Teller:
    """Says lines into a pipe, and marks them in the log of operations while one is kept."""

    def __init__(self, pipe: int, control: Control, fault: Fault, log: int | None) -> None:
        self._pipe = pipe
        self._control = control
        self._fault = fault
        self._log = log

    def __call__(self, word: str, *values: str | int) -> None:
        line = json.dumps([word, *values]).encode()
        if self._log is not None:
            os.write(self._log, struct.pack("=4q", _MARK, 0, 0, len(line)) + line)
        os.write(self._pipe, line + b"\n")

    def arm(self) -> None:
        if self._log is None:
            self._control.arm(self._fault)
        else:
            self(ARMED)

    def disarm(self) -> None:
        if self._log is None:
            self._control.disarm()
        else:
            self(OVER)


# What the store could raise while it is hurt; the first alone is in its contract.
STORE_ERRORS = (OutboxError, OSError, sqlite3.Error, ValueError, LookupError, TypeError)

# Exit code of a child that died of anything else.
_UNHEARD_OF = 70


def main() -> int:
    """Obey orders until standard input ends."""
    control = Control(Path(sys.argv[1]))
    log = Path(sys.argv[2])
    if "weak" in sys.argv[3:]:
        weaken("NORMAL")
    for order in sys.stdin:
        control.arm(Fault())
        control.disarm()
        acted = _forked(json.loads(order), control, log)
        sys.stdout.write(json.dumps(acted) + "\n")
        sys.stdout.flush()
    return 0


def _forked(order: Sequence[Any], control: Control, log: Path) -> dict[str, Any]:
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        code = _UNHEARD_OF
        try:
            code = _child(order, sink, control, log)
        finally:
            os._exit(code)
    os.close(sink)
    with os.fdopen(source, encoding="utf-8") as pipe:
        said = [json.loads(line) for line in pipe]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    control.disarm()
    failure = ""
    if status > 0:
        # Anything a daemon would have died of is a failure, also what nobody thought of.
        failure = f"ended with {status}" if status == _UNHEARD_OF else str(said.pop()[1])
    return {
        "said": said,
        "operations": control.count,
        "killed": status < 0,
        "failure": failure,
    }


def _child(order: Sequence[Any], pipe: int, control: Control, log: Path) -> int:
    what, name, folder, how, at, times, record = order
    scene = next(scene for scene in SCENES if scene.name == name)
    kept = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600) if record else None
    told = _Teller(pipe, control, Fault(How(how), at, times), kept)
    try:
        if what == "prepare":
            scene.prepare(Path(folder))
        else:
            if record:
                # From beginning to end: a power cut may come at any time.
                control.arm(Fault(), record=True)
            scene.act(Path(folder), told)
    except STORE_ERRORS as error:
        control.disarm()
        trace = traceback.extract_tb(error.__traceback__)[-1]
        told(
            "failed",
            f"{type(error).__name__}: {error} ({Path(trace.filename).name}:{trace.lineno})",
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
