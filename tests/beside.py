"""Programs that run one after another beside the tests: those need one core, and leave another."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path
from threading import Lock, Thread

Command = tuple[str, ...]
Done = subprocess.CompletedProcess[str]

ROOT = Path(__file__).parents[1]
_END_S = 10.0


class Beside:
    """Runs each command once, in this order, with the environment it was made in.

    What a test gets is as if it had run the command itself; it waits where that is not over yet.
    """

    def __init__(self, commands: Iterable[Command]) -> None:
        self._results: dict[Command, Future[Done]] = {command: Future() for command in commands}
        # A test may change the environment for itself.
        self._environment = dict(os.environ)
        self._running: subprocess.Popen[str] | None = None
        self._is_over = False
        self._lock = Lock()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def done(self, command: Command) -> Done:
        """What came of a command; one that was not begun runs now."""
        if command not in self._results:
            return subprocess.run(
                command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        return self._results[command].result()

    def close(self) -> None:
        """End what runs; what did not begin does not run."""
        with self._lock:
            self._is_over = True
            if self._running is not None:
                self._running.terminate()
        self._thread.join(_END_S)

    def _run(self) -> None:
        for command, result in self._results.items():
            with self._lock:
                if self._is_over:
                    return
                self._running = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            said, errors = self._running.communicate()
            result.set_result(Done(command, self._running.returncode, said, errors))
