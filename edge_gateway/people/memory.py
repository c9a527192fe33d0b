"""Pictures in memory stay there: no page of it goes to a disk's swap."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# asm-generic/mman.h: what is mapped, what will be, and each page only when it is used (Linux 4.4).
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4
_CAP_IPC_LOCK: Final = 14  # linux/capability.h
_EFFECTIVE: Final = re.compile(r"^CapEff:\s*([0-9a-f]+)$", re.MULTILINE)
_CGROUPS: Final = Path("/sys/fs/cgroup")
_SWAP_MAX: Final = "memory.swap.max"


def lock_memory(libc: ctypes.CDLL) -> Iterator[str]:
    """Keep every page out of swap; yields what is missing where that may not be asked for.

    With a limit on locked memory an allocation beyond it would fail in the middle of a count, so
    memory is locked only where there is no limit. Raises OSError when that fails.
    """
    unlimited = _is_unlimited()
    if unlimited or _has_capability():
        if libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0:
            return
        code = ctypes.get_errno()
        # In a user namespace the capability is not what it is called.
        if unlimited or code not in {errno.ENOMEM, errno.EPERM}:
            raise OSError(code, f"its memory cannot be locked: {os.strerror(code)}")
    if swaps_to_disk() and not _has_no_swap():
        yield (
            "its memory may go to swap (LimitMEMLOCK=infinity or MemorySwapMax=0 in the "
            "gateway's unit keeps it out)"
        )


def swaps_to_disk(swaps: Path = Path("/proc/swaps")) -> bool:
    """Whether this machine has swap that is not in its memory (zram)."""
    try:
        places = swaps.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    except OSError:
        return True
    return any(not place.startswith("/dev/zram") for place in places)


def _has_capability() -> bool:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = _EFFECTIVE.search(status)
    return found is not None and bool(int(found[1], 16) >> _CAP_IPC_LOCK & 1)


def _is_unlimited() -> bool:
    _, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
    return hard == resource.RLIM_INFINITY


def _has_no_swap() -> bool:
    """Whether the control group of this process, or one above it, is allowed no swap."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    path = next((line[3:] for line in lines if line.startswith("0::")), "/")
    group = _CGROUPS / path.lstrip("/")
    while group.is_relative_to(_CGROUPS):
        limit = group / _SWAP_MAX
        if limit.is_file() and limit.read_text(encoding="ascii").strip() == "0":
            return True
        group = group.parent
    return False
