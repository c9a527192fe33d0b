"""Landlock: a process gives up rights to files and TCP ports, for good and without privilege.

Numbers and structures: include/uapi/linux/landlock.h of Linux 6.12 (versions 1 to 6 of its
interface). It holds for the calling thread and those that it starts afterwards.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from enum import IntFlag
from pathlib import Path
from stat import S_ISDIR
from typing import Final

# The same numbers on every processor (since Linux 5.13).
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION: Final = 1
_RULE_PATH_BENEATH, _RULE_NET_PORT = 1, 2
_CONNECT_TCP: Final = 2
_ALL_NET: Final = 3
_ALL_SCOPES: Final = 3

# Interface versions that brought the right to a port (Linux 6.7) and the scopes (6.12).
NET_SINCE: Final = 4
_SCOPES_SINCE: Final = 6


class Access(IntFlag):
    """What may be done with a file or below a folder."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_FOLDER = 1 << 3
    TRUNCATE = 1 << 14
    IOCTL_DEVICE = 1 << 15


READ: Final = Access.READ_FILE | Access.READ_FOLDER
USE_DEVICE: Final = READ | Access.WRITE_FILE | Access.IOCTL_DEVICE
_OF_A_FILE: Final = (
    Access.EXECUTE | Access.WRITE_FILE | Access.READ_FILE | Access.TRUNCATE | Access.IOCTL_DEVICE
)
# By version: all rights to files that it knows.
_ALL_FS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_ALL_FS_SINCE_5: Final = (1 << 16) - 1


class LandlockError(OSError):
    """The kernel knows Landlock and would not do what was asked."""


def version(libc: ctypes.CDLL) -> int:
    """The kernel's version of the interface; 0 where Landlock is not built in or switched off."""
    found = libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    if found > 0:
        return found
    code = ctypes.get_errno()
    if code in {errno.ENOSYS, errno.EOPNOTSUPP}:
        return 0
    raise LandlockError(code, f"Landlock does not say its version: {os.strerror(code)}")


def restrict(
    libc: ctypes.CDLL,
    abi: int,
    files: Iterable[tuple[Path, Access]],
    *,
    connect: int | None,
) -> None:
    """Keep the rights to `files`, and to connect to TCP port `connect`; give up all others.

    `abi` is the kernel's version; what it does not know stays open. A path that is not there, or
    that this user may not see, is passed over. Needs PR_SET_NO_NEW_PRIVS. Raises LandlockError.
    """
    handled = _ALL_FS.get(abi, _ALL_FS_SINCE_5)
    net = _ALL_NET if abi >= NET_SINCE else 0
    scopes = _ALL_SCOPES if abi >= _SCOPES_SINCE else 0
    attributes = struct.pack("=QQQ", handled, net, scopes)[: _attribute_bytes(abi)]
    rules = _asked(libc, _CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path, access in files:
            _permit(libc, rules, path, access & handled)
        if connect is not None and net:
            port = struct.pack("=QQ", _CONNECT_TCP, connect)
            _asked(libc, _ADD_RULE, rules, _RULE_NET_PORT, port, 0)
        _asked(libc, _RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _attribute_bytes(abi: int) -> int:
    fields = 1 + (abi >= NET_SINCE) + (abi >= _SCOPES_SINCE)
    return 8 * fields


def _permit(libc: ctypes.CDLL, rules: int, path: Path, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not S_ISDIR(os.fstat(place).st_mode):
            access &= _OF_A_FILE
        beneath = struct.pack("=Qi", access, place)
        _asked(libc, _ADD_RULE, rules, _RULE_PATH_BENEATH, beneath, 0)
    finally:
        os.close(place)


def _asked(libc: ctypes.CDLL, *call: int | bytes) -> int:
    answer = libc.syscall(*call)
    if answer < 0:
        code = ctypes.get_errno()
        raise LandlockError(code, f"Landlock call {call[0]} fails: {os.strerror(code)}")
    return answer
