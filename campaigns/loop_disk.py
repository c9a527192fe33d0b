"""A file system of its own in an image file, mounted through a loop device; its plug can be pulled.

Needs root and loop devices. The loop device goes with the mount.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

# EXT4_IOC_SHUTDOWN and EXT4_GOING_FLAGS_NOLOGFLUSH of Linux's fs/ext4/ext4.h; the numbers are
# those of XFS_IOC_GOINGDOWN.
_SHUTDOWN = 0x8004_587D
_NO_LOG_FLUSH = 2

# ext4's superblock in the image, and what of it says that the journal has to be replayed
# (Documentation/filesystems/ext4/super.rst: s_feature_incompat, INCOMPAT_RECOVER).
_FEATURES_AT = 1024 + 0x60
_NEEDS_REPLAY = 0x4

_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")

_SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"
_PROGRAM_S = 60.0
_UNMOUNT_S = 10.0
_LOOK_S = 0.05


class NoDisk(Exception):
    """No file system can be mounted here, or its plug not be pulled; the text says why."""


class LoopDisk:
    """An ext4 of `size_bytes` below `folder`, seen at `mounted`; made with the words of `made_by`.

    `options` are those of mount. Raises NoDisk.
    """

    def __init__(
        self, folder: Path, size_bytes: int, *made_by: str, options: str = "defaults"
    ) -> None:
        self.mounted = folder / "disk"
        self.mounted.mkdir()
        self._image = folder / "image"
        self._options = options
        self._image.touch()
        os.truncate(self._image, size_bytes)
        if said := ran("mkfs.ext4", "-q", "-F", *made_by, str(self._image)):
            raise NoDisk(f"no file system can be made: {said}")
        self.mount()

    def mount(self) -> None:
        """Mount it; what was in its journal is done now. Raises NoDisk."""
        options = f"loop,{self._options}"
        if said := ran("mount", "-o", options, str(self._image), str(self.mounted)):
            raise NoDisk(f"no file system can be mounted: {said}")

    def unmount(self) -> None:
        """Take it away, at the latest when nobody looks at it any more; safe to call twice."""
        ends_s = time.monotonic() + _UNMOUNT_S
        while os.path.ismount(self.mounted) and ran("umount", str(self.mounted)):
            if time.monotonic() > ends_s:
                ran("umount", "--lazy", str(self.mounted))
                break
            time.sleep(_LOOK_S)

    def pull(self) -> None:
        """Pull the plug: from now on nothing reaches the device, and reads and writes fail.

        The journal is not flushed: what no sync has waited for is gone. Raises NoDisk.
        """
        folder = os.open(self.mounted, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack("=I", _NO_LOG_FLUSH))
        except OSError as error:
            raise NoDisk(f"this kernel's ext4 cannot be shut down: {error}") from error
        finally:
            os.close(folder)

    @property
    def needs_replay(self) -> bool:
        """Of one that is not mounted: whether it was left with a journal to replay."""
        with self._image.open("rb") as image:
            image.seek(_FEATURES_AT)
            features = int.from_bytes(image.read(4), "little")
        return bool(features & _NEEDS_REPLAY)


def go_on_alone(module: str) -> None:
    """Run the program `module` anew with mounts and processes of its own, with the same arguments.

    However it ends, killed or not, they end with it. Does nothing in the program that was run anew.
    Raises NoDisk.
    """
    if os.geteuid():
        raise NoDisk("only root can mount a file system")
    if os.getpid() != 1:
        if said := ran(*_ALONE, "true"):
            raise NoDisk(f"no mounts of its own can be had: {said}")
        again = [*_ALONE, sys.executable, "-m", module, *sys.argv[1:]]
        os.execvp(again[0], again)  # noqa: S606 - this program
    # The first process of a namespace hears no signal that it does not handle.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def ran(*command: str) -> str:
    """Run a program that root uses; what it complained about."""
    program = shutil.which(command[0]) or shutil.which(command[0], path=_SBIN)
    if program is None:
        return f"there is no {command[0]}"
    try:
        done = subprocess.run(  # noqa: S603 - mkfs, mount and the like, on files of ours
            [program, *command[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROGRAM_S,
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} does not end"
    return done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""
