"""The folder of the store: whose it is, what is held back in it, and how its names are kept."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from edge_gateway.outbox.records import OutboxError

# The reserve is this share of the quota, within these bounds.
_RESERVE_SHARE = 64
_MOST_BYTES = 1 << 20
_LEAST_BYTES = 64 << 10


class Reserve:
    """Disk space kept at `path`, a share of the quota: on a full disk even deleting needs some."""

    def __init__(self, path: Path, quota_bytes: int) -> None:
        self._path = path
        self.size = max(min(quota_bytes // _RESERVE_SHARE, _MOST_BYTES), _LEAST_BYTES)
        self.held = False

    def lend(self) -> None:
        """Give the space back where the disk has less than that: opening a store needs some too."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return
        if disk.f_bavail * disk.f_frsize < self.size:
            self.release()

    def hold(self) -> None:
        """Take the space, or as much of it as the disk has; `held` tells whether there is any."""
        size = self.size
        while not self._taken(size) and size > _LEAST_BYTES:
            size //= 2

    def release(self) -> None:
        """Give the space back to the disk."""
        self._path.unlink(missing_ok=True)
        self.held = False

    def _taken(self, size: int) -> bool:
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, size)
            finally:
                os.close(handle)
        except OSError:
            self.release()
        else:
            self.held = True
        return self.held


def claim(folder: Path) -> int:
    """Make the folder and lock it for this process; the lock goes when what is returned closes."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OutboxError(
            f"the outbox folder {folder} cannot be used: {error.strerror}. Make it writable for "
            "this user, or set outbox.folder to another one"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise OutboxError(
            f"the outbox folder {folder} is in use by another edge-gateway: stop that one, or set "
            "outbox.folder to another one"
        ) from error
    return handle


def free_bytes(folder: Path) -> int:
    """What the disk of a folder still has for this user."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def write_whole(path: Path, text: str) -> None:
    """Write a small file that is there whole or not at all, also after a power cut."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
