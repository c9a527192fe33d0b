"""A damaged store is set aside under another name, never deleted, also across a power cut."""

from __future__ import annotations

from pathlib import Path

from edge_gateway.outbox.folder import sync_folder, write_whole
from edge_gateway.outbox.records import Recovery

# SQLite keeps the log and its index beside the file under these endings; the log goes first, for
# a log that stays alone would be taken for that of the next store.
_ENDINGS = ("-wal", "-shm", "")

# Between the renaming and the first transaction of the fresh store, this file remembers the task.
_MARKER = ".recover"


def set_aside(path: Path, cause: str) -> Recovery:
    """Rename a store and its log to NAME.corrupt-N, the first N that is free."""
    number = 1
    while (kept := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    write_whole(_marker(path), f"{kept.name}\n{cause}")
    return _rename(path, kept, cause)


def interrupted(path: Path) -> Recovery | None:
    """What `set_aside` was about when the power went or the disk was full, brought to its end."""
    try:
        name, _, cause = _marker(path).read_text(encoding="utf-8").partition("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    if not name.startswith(f"{path.name}.corrupt-"):
        return None
    kept = path.with_name(name)
    return Recovery(kept, 0, 0, cause) if kept.exists() else _rename(path, kept, cause)


def begun(path: Path) -> None:
    """The task stands in the fresh store; the marker is not needed any more."""
    _marker(path).unlink(missing_ok=True)
    # Should it come back after a power cut, the recovery would be done twice.
    sync_folder(path.parent)


def _rename(path: Path, kept: Path, cause: str) -> Recovery:
    for ending in _ENDINGS:
        part = path.with_name(path.name + ending)
        if part.exists():
            part.rename(kept.with_name(kept.name + ending))
    sync_folder(path.parent)
    return Recovery(kept, 0, 0, cause)


def _marker(path: Path) -> Path:
    return path.with_name(path.name + _MARKER)
