"""The preloaded libraries of the campaigns: compiled here, steered through a shared page."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Self

_SOURCES = Path(__file__).parent
_PAGE_BYTES = 64
_WORD_BYTES = 8


class NoCompiler(Exception):
    """There is no C compiler; the text says what to install."""


class How(IntEnum):
    """What happens at the chosen operation; the numbers are those of faultshim.c."""

    NOTHING = 0
    KILLED_BEFORE = 1
    KILLED_AFTER = 2
    EIO = 3
    ENOSPC = 4
    SHORT = 5
    SHORT_THEN_KILLED = 6
    SHORT_THEN_ENOSPC = 7

    @property
    def kills(self) -> bool:
        """Whether the process ends there."""
        return self in {How.KILLED_BEFORE, How.KILLED_AFTER, How.SHORT_THEN_KILLED}


@dataclass(frozen=True, slots=True)
class Fault:
    """The `at`-th operation since arming, counted from 1, is hurt; errors last `times` of them."""

    how: How = How.NOTHING
    at: int = 0
    times: int = 1


class Control:
    """The page through which a process with the fault shim is steered, from either side."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_PAGE_BYTES))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE_BYTES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._page.close()

    def arm(self, fault: Fault, *, record: bool = False) -> None:
        """Count from now on, and hurt what `fault` names."""
        words = (0, fault.at, int(fault.how), fault.times, int(record))
        for place, word in enumerate(words, start=1):
            self._set(place, word)
        self._set(0, 1)

    def disarm(self) -> int:
        """All goes its way again; how many operations were counted."""
        self._set(0, 0)
        return self.count

    @property
    def count(self) -> int:
        """Operations since `arm`."""
        return int.from_bytes(self._page[_WORD_BYTES : 2 * _WORD_BYTES], "little")

    def _set(self, place: int, word: int) -> None:
        start = place * _WORD_BYTES
        self._page[start : start + _WORD_BYTES] = word.to_bytes(_WORD_BYTES, "little")


def build(name: str, folder: Path) -> Path:
    """Compile NAME.c of this folder into `folder`. Raises NoCompiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NoCompiler("there is no C compiler: apt-get install gcc libc6-dev")
    library = folder / f"{name}.so"
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run(  # noqa: S603 - the compiler found above, our own source
        [*command, str(_SOURCES / f"{name}.c"), "-ldl"], check=True
    )
    return library


def preloaded(library: Path, more: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with a library before all others."""
    return {**os.environ, "LD_PRELOAD": str(library), **more}
