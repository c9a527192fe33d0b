"""A file system of its own for the store under test, so that its device writes can be counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

_IMAGE_MB = 1024
_SECTOR_BYTES = 512
_SBIN = "/usr/sbin:/sbin:/usr/bin:/bin"


class Volume:
    """A fresh ext4 in an image below `base`, mounted at `folder`; a plain folder without rights.

    `is_own` says which. The journal is part of what is counted.
    """

    def __init__(self, base: Path) -> None:
        self._base = Path(tempfile.mkdtemp(prefix="volume-", dir=base))
        self.folder = self._base / "mounted"
        self.folder.mkdir()
        self.is_own = False

    def __enter__(self) -> Self:
        self.is_own = os.geteuid() == 0 and self._mount()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self.is_own and not self._run("umount", str(self.folder)):
            self._run("umount", "-l", str(self.folder))  # somebody still looks at it
        shutil.rmtree(self._base, ignore_errors=True)

    def device_bytes(self) -> int | None:
        """Bytes written to the block device so far, all that waits included; None without one."""
        if not self.is_own:
            return None
        self._run("sync", "-f", str(self.folder))
        number = self.folder.stat().st_dev
        stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
        return int(stat.read_text(encoding="ascii").split()[6]) * _SECTOR_BYTES

    def _mount(self) -> bool:
        image = self._base / "image"
        image.touch()
        os.truncate(image, _IMAGE_MB << 20)
        # Nothing is left to be initialised later: that would be written while we count.
        whole = "lazy_itable_init=0,lazy_journal_init=0"
        return self._run("mkfs.ext4", "-q", "-E", whole, str(image)) and self._run(
            "mount", "-o", "loop", str(image), str(self.folder)
        )

    def _run(self, *command: str) -> bool:
        program = shutil.which(command[0], path=_SBIN)
        if program is None:
            return False
        ended = subprocess.run([program, *command[1:]], capture_output=True, check=False)  # noqa: S603 - the programs named above
        return ended.returncode == 0
