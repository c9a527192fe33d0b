"""The state of a disk after a power cut, made from what the fault shim wrote down.

What was synced is there. Of what was written since, each sector of 512 bytes is there or is not, in
any combination: a disk writes sectors whole and in an order of its own. Names (files made, renamed
and removed) are kept by the file system's journal, in their order: a beginning of them is there, at
least as far as the last of them whose folder was synced since. No file's own sync is taken to keep
its name, though most file systems do: POSIX does not promise it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from campaigns.operations import Kind, Operation

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Survival:
    """How much of what was not synced is there: the share of sectors, and of names."""

    sectors: float
    names: float


NOTHING_LATE = Survival(0.0, 0.0)
ALL_LATE = Survival(1.0, 1.0)


@dataclass(slots=True)
class _File:
    """`safe` is on the disk; `late` was done since, in order."""

    safe: bytearray = field(default_factory=bytearray)
    late: list[Operation] = field(default_factory=list[Operation])


# Names point to files, so that a renamed file keeps what it holds; None is a folder.
_Names = dict[str, _File | None]


class Disk:
    """Follows operations on the files below `root`, and can be cut off at any moment.

    `syncs` of False is a control: a disk that says it has synced and has not.
    """

    def __init__(self, root: str, *, syncs: bool = True) -> None:
        self._root = root
        self._syncs = syncs
        self._names: _Names = {}
        self._safe_names: _Names = {}
        self._late_names: list[tuple[Operation, _File | None]] = []

    def load(self, folder: Path) -> None:
        """Begin with a folder as it is, all of it safe."""
        for path in (folder, *sorted(folder.rglob("*"))):
            name = f"{self._root}/{path.relative_to(folder)}".removesuffix("/.")
            file = None if path.is_dir() else _File(bytearray(path.read_bytes()))
            self._safe_names[name] = self._names[name] = file

    def do(self, operation: Operation) -> None:
        """One more operation."""
        match operation.kind:
            case Kind.MARK:
                return
            case Kind.SYNC:
                if self._syncs:
                    self._sync(operation.path)
            case Kind.WRITE | Kind.TRUNCATE | Kind.RESERVE:
                # A file that was removed while it is open is of no interest any more.
                file = self._names.get(operation.path)
                if file is not None:
                    file.late.append(operation)
            case Kind.CREATE | Kind.FOLDER | Kind.RENAME | Kind.UNLINK:
                made = _File() if operation.kind is Kind.CREATE else None
                _name(self._names, operation, made)
                self._late_names.append((operation, made))

    def cut(self, folder: Path, survival: Survival, random: Random) -> None:
        """Write into `folder` what a cut at this moment leaves."""
        count = round(survival.names * len(self._late_names))
        if 0 < survival.names < 1:
            count = random.randint(0, len(self._late_names))
        names = dict(self._safe_names)
        for operation, made in self._late_names[:count]:
            _name(names, operation, made)
        for name, file in names.items():
            path = folder / name.removeprefix(self._root).lstrip("/")
            if file is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.write_bytes(_left(file, survival.sectors, random))

    def _sync(self, name: str) -> None:
        file = self._names.get(name)
        if file is not None:
            for operation in file.late:
                _apply(file.safe, operation, 1.0, None)
            file.late.clear()
            return
        newest = 0
        for place, (operation, _) in enumerate(self._late_names, start=1):
            if operation.path.rpartition("/")[0] == name:
                newest = place
        for operation, made in self._late_names[:newest]:
            _name(self._safe_names, operation, made)
        del self._late_names[:newest]


def _name(names: _Names, operation: Operation, made: _File | None) -> None:
    match operation.kind:
        case Kind.UNLINK:
            names.pop(operation.path, None)
        case Kind.RENAME:
            names[operation.data.decode()] = names.pop(operation.path)
        case _:
            names[operation.path] = made


def _left(file: _File, share: float, random: Random) -> bytes:
    if not file.late or not share:
        return bytes(file.safe)
    content = bytearray(file.safe)
    for operation in file.late:
        _apply(content, operation, share, random)
    return bytes(content)


def _apply(content: bytearray, operation: Operation, share: float, random: Random | None) -> None:
    """Do one operation to a file's bytes, each of its sectors with the chance `share`."""

    def survives() -> bool:
        return random is None or share >= 1 or random.random() < share

    length = operation.offset
    if operation.kind is not Kind.WRITE:
        if survives():
            content.extend(bytes(max(length - len(content), 0)))
            if operation.kind is Kind.TRUNCATE:
                del content[length:]
        return
    place, end = operation.offset, operation.offset + len(operation.data)
    while place < end:
        stop = min((place // SECTOR_BYTES + 1) * SECTOR_BYTES, end)
        if survives():
            content.extend(bytes(max(stop - len(content), 0)))
            start = place - operation.offset
            content[place:stop] = operation.data[start : start + stop - place]
        place = stop
