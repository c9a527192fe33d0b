"""What the outbox is doing when it is hurt: prepared in peace, then acted out step by step.

A scene says all that it knows while it acts, so that whoever looks at the store afterwards can tell
what had to be there. Every scene runs from its preparation again for each single fault.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from campaigns.numbered import numbers_of, open_outbox, readings, samples, summary_of
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Lane, Reading

STORE = Path("outbox", "outbox.db")
"""The file of a scene's store, below its folder."""
SMALL_BYTES = 600_000
"""So small a quota that the log is written back into the file every few commits."""
TIGHT_BYTES = 131_072
"""So small a quota that some minutes of samples fill it."""

_PAGE_BYTES = 1024
_SIZE = 60  # readings a commit


class Told(Protocol):
    """Who listens to a scene, and who arms the fault."""

    def __call__(self, word: str, *values: str | int) -> None:
        """Say one thing; it is heard whatever happens next."""
        ...

    def arm(self) -> None:
        """What comes now is to be hurt."""
        ...

    def disarm(self) -> None:
        """The trouble is over."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """`prepare` and `act` get the folder of the store."""

    name: str
    prepare: Callable[[Path], None]
    act: Callable[[Path, Told], None]
    reopen: Callable[[Path], Outbox]
    consumers: tuple[str, ...] = ("main",)
    is_full: bool = False


def _small(folder: Path) -> Outbox:
    return open_outbox(folder, quota_bytes=SMALL_BYTES)


def _tight(folder: Path) -> Outbox:
    return open_outbox(folder, quota_bytes=TIGHT_BYTES)


def _thinning(folder: Path) -> Outbox:
    return open_outbox(folder, quota_bytes=TIGHT_BYTES, thin=summary_of)


def _two(folder: Path) -> Outbox:
    return open_outbox(folder, quota_bytes=SMALL_BYTES, consumers=("main", "city"))


def _large(folder: Path) -> Outbox:
    return open_outbox(folder, quota_bytes=16 << 20)


def _give(outbox: Outbox, told: Told | None, entries: Iterator[Reading], upto: int) -> None:
    """Commit entries; `upto` is the number after the last."""
    outbox.append(entries)
    if told is not None:
        told("offered", upto)
    trouble = outbox.commit().trouble
    if told is not None and not trouble:
        told("durable", upto)
    elif told is not None:
        told("trouble", trouble)


def _go_on(outbox: Outbox, told: Told | None, start: int, commits: int) -> int:
    """So many commits; the number after the last reading."""
    for number in range(start, start + commits * _SIZE, _SIZE):
        _give(outbox, told, readings(range(number, number + _SIZE)), number + _SIZE)
    return start + commits * _SIZE


def _take(outbox: Outbox, told: Told, lane: Lane, limit: int, consumer: str) -> None:
    """Deliver the oldest blocks of a lane and remove them; said before it is done."""
    for block in outbox.pending(lane, limit=limit, consumer=consumer):
        numbers = numbers_of([block])
        told("removing", consumer, block.key, numbers[0], numbers[-1], len(numbers))
        outbox.remove([block.handle], consumer=consumer)


def _finish(outbox: Outbox, told: Told, number: int) -> None:
    """When the trouble is over the next commit makes everything durable."""
    told.disarm()
    _go_on(outbox, told, number, 1)
    outbox.close()


def _nothing(_: Path) -> None: ...


def _starts(number: int, commits: int) -> Callable[[Path, Told], None]:
    """A start on whatever is there, hurt from its first operation on, and some commits."""

    def act(folder: Path, told: Told) -> None:
        told.arm()
        outbox = _small(folder)
        _finish(outbox, told, _go_on(outbox, told, number, commits))

    return act


def _filled(open_it: Callable[[Path], Outbox], commits: int = 8) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        outbox = open_it(folder)
        _go_on(outbox, None, 0, commits)
        outbox.close()

    return prepare


def _left_by_a_kill(folder: Path) -> None:
    outbox = _small(folder)
    _go_on(outbox, None, 0, 8)
    outbox.remove(block.handle for block in outbox.pending(Lane.RAW, limit=2))
    # No close: what a killed process leaves is a log and its index beside the file.


def _of_version_1(folder: Path) -> None:
    _filled(_small)(folder)
    with closing(sqlite3.connect(folder / STORE)) as old:
        for table in ("removed", "clocks", "recoveries"):
            old.execute(f"DROP TABLE {table}")
        old.execute("PRAGMA user_version = 1")


def _damaged(folder: Path) -> None:
    _filled(_small, 40)(folder)
    with (folder / STORE).open("r+b") as file:
        file.seek((folder / STORE).stat().st_size // _PAGE_BYTES // 2 * _PAGE_BYTES)
        file.write(b"\xff" * _PAGE_BYTES)


def _commits(folder: Path, told: Told) -> None:
    outbox = _small(folder)
    told.arm()
    _finish(outbox, told, _go_on(outbox, told, 480, 14))


def _closes(folder: Path, told: Told) -> None:
    outbox = _small(folder)
    outbox.append(readings(range(480, 540)))
    told("offered", 540)
    told.arm()
    outbox.close()
    told.disarm()


def _removes(folder: Path, told: Told) -> None:
    outbox = _small(folder)
    told.arm()
    number = 480
    for lane in (Lane.COUNTS, Lane.RAW, Lane.COUNTS):
        _take(outbox, told, lane, 3, "main")
        number = _go_on(outbox, told, number, 1)
    while any(outbox.pending(lane) for lane in Lane):
        for lane in Lane:
            _take(outbox, told, lane, 4, "main")
        outbox.commit()
    _finish(outbox, told, number)


def _two_remove(folder: Path, told: Told) -> None:
    outbox = _two(folder)
    told.arm()
    number = 480
    for name, lane, limit in (
        ("main", Lane.COUNTS, 4),
        ("city", Lane.RAW, 2),
        ("city", Lane.COUNTS, 2),
        ("main", Lane.RAW, 6),
        ("city", Lane.RAW, 9),
    ):
        _take(outbox, told, lane, limit, name)
        number = _go_on(outbox, told, number, 1)
    _finish(outbox, told, number)


def _full(open_it: Callable[[Path], Outbox], commits: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        outbox, random = open_it(folder), Random(1)  # noqa: S311 - values that pack badly
        for number in range(0, commits * 600, 600):
            _give(outbox, None, samples(range(number, number + 600), random), number + 600)
        outbox.close()

    return prepare


def _overflows(
    open_it: Callable[[Path], Outbox], start: int, commits: int
) -> Callable[[Path, Told], None]:
    def act(folder: Path, told: Told) -> None:
        outbox, random = open_it(folder), Random(start)  # noqa: S311 - the same
        told.arm()
        for number in range(start, start + (commits + 1) * 600, 600):
            if number == start + commits * 600:
                told.disarm()
            _give(outbox, told, samples(range(number, number + 600), random), number + 600)
        outbox.close()

    return act


def _grown(folder: Path) -> None:
    _filled(_large)(folder)
    with closing(sqlite3.connect(folder / STORE)) as file:
        file.execute("CREATE TABLE filler (bytes BLOB)")
        file.execute("INSERT INTO filler VALUES (zeroblob(5000000))")
        file.execute("DROP TABLE filler")
        file.commit()


def _shrinks(folder: Path, told: Told) -> None:
    outbox = _large(folder)
    told.arm()
    _take(outbox, told, Lane.RAW, 2, "main")
    _finish(outbox, told, _go_on(outbox, told, 480, 2))


SCENES = (
    Scene("first start", _nothing, _starts(0, 2), _small),
    Scene("start after a kill", _left_by_a_kill, _starts(480, 2), _small),
    Scene("start on version 1", _of_version_1, _starts(480, 2), _small),
    Scene("start on a damaged store", _damaged, _starts(2400, 3), _small),
    Scene("commit", _filled(_small), _commits, _small),
    Scene("close", _filled(_small), _closes, _small),
    Scene("removal", _filled(_small), _removes, _small),
    Scene("removal by two", _filled(_two), _two_remove, _two, ("main", "city")),
    Scene("quota drop", _full(_tight, 60), _overflows(_tight, 36_000, 6), _tight, is_full=True),
    Scene(
        "thinning", _full(_thinning, 60), _overflows(_thinning, 36_000, 6), _thinning, is_full=True
    ),
    Scene("shrinking", _grown, _shrinks, _large),
)
