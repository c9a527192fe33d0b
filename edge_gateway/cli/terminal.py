"""How the commands speak: results on stdout, everything else on stderr, and the exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Exit(IntEnum):
    """What the exit code of every command means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    INPUT = 4


EXIT_CODES: Mapping[Exit, str] = {
    Exit.DONE: "done, and all is well",
    Exit.FAILED: "it ran, and what it did or checked did not succeed",
    Exit.USAGE: "the command line is wrong",
    Exit.CONFIG: "the configuration is wrong",
    Exit.INPUT: "an input (video, lines, model) cannot be used",
}


class CommandError(Exception):
    """A mistake a person can mend: said in a sentence, without a traceback."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def out() -> Console:
    """The console for results; without colour when piped."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def err() -> Console:
    """The console for errors, progress and remarks."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """One JSON document on stdout; numbers are never NaN or infinite."""
    sys.stdout.write(_json(value, indent) + "\n")


def write_json(path: Path, value: object) -> None:
    """One JSON document in a file, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(_json(value, 2) + "\n", encoding="utf-8")
    partial.replace(path)


def _json(value: object, indent: int | None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)


class ProgressReport:
    """Tells how far a long job is: a bar on a terminal, a line every tenth when piped."""

    def __init__(self, console: Console, title: str, total: float | None, unit: str) -> None:
        self._console, self._title, self._total, self._unit = console, title, total, unit
        self._tenth = 0
        self._bar = (
            Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=console,
                transient=True,
            )
            if console.is_terminal
            else None
        )
        self._task = self._bar.add_task(title, total=total) if self._bar else None

    def update(self, done: float) -> None:
        """Say that `done` of the total is done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
        elif self._total and (tenth := int(10 * done / self._total)) > self._tenth:
            self._tenth = tenth
            self._console.print(f"{self._title}: {10 * tenth} % of {self._total:.0f} {self._unit}")

    def start(self) -> None:
        """Show it."""
        if self._bar is not None:
            self._bar.start()
        else:
            self._console.print(f"{self._title} ...")

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def progress(title: str, total: float | None, unit: str) -> Generator[ProgressReport]:
    """Report a long job on stderr while the block runs."""
    report = ProgressReport(err(), title, total, unit)
    report.start()
    try:
        yield report
    finally:
        report.stop()
