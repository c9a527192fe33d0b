"""Which system calls the counter gives up: writing, reaching out, looking into other processes.

Refused calls are listed, not allowed ones: what libraries for pictures call differs between
machines, and a Pi whose counter dies of a harmless call counts nobody. Calls that are newer than
the list do not exist for the counter (`seccomp`).
"""

from __future__ import annotations

import os
import socket
from typing import Final

from edge_gateway.people.seccomp import Policy, Refused, Rule

_CLONE_THREAD: Final = 0x0001_0000  # linux/sched.h
_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h
_PR_SET_PTRACER: Final = 0x5961_6D61
_TMPFILE: Final = 0o20_000_000  # asm-generic/fcntl.h: __O_TMPFILE, without O_DIRECTORY

_MAKE_OR_CHANGE_FILES: Final = (
    *("creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2"),
    *("link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir"),
    *("truncate", "ftruncate", "fallocate", "copy_file_range", "sendfile", "splice", "tee"),
    *("vmsplice", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown"),
    *("fchownat", "utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr"),
    *("fsetxattr", "removexattr", "lremovexattr", "fremovexattr", "memfd_create", "memfd_secret"),
    *("open_by_handle_at", "open_tree", "mount", "umount2", "move_mount", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "pivot_root", "chroot", "swapon", "swapoff"),
    *("quotactl", "quotactl_fd", "acct", "fanotify_init"),
    # Reads and writes that no filter of calls would see.
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "io_submit"),
    # What other processes could read.
    *("mq_open", "mq_unlink", "msgget", "msgsnd", "semget", "shmget", "shmat"),
)
_OTHER_PROCESSES: Final = (
    *("fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("process_madvise", "kcmp", "pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kill", "tkill"),
    *("rt_sigqueueinfo", "rt_tgsigqueueinfo", "setns", "unshare", "personality"),
)
_THE_MACHINE: Final = (
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
    *("settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl", "ioperm", "syslog"),
    "setrlimit",
)
_SERVE: Final = ("bind", "listen", "accept", "accept4")
# With these a descriptor, and so a whole picture, could be handed to another process.
_SEND_BY_STRUCTURE: Final = ("sendmsg", "sendmmsg")
# Their arguments lie behind a pointer, where no filter looks; C libraries do without them.
_ABSENT: Final = ("openat2", "clone3")
# What libcamera, the library of cameras on a Pi's connector, shares memory by, and hears of them.
_OF_RIBBON: Final = frozenset({"memfd_create", "ftruncate", "bind"})
_NETLINK: Final = (int(socket.AF_NETLINK), int(socket.SOCK_RAW))


def policy(
    *, tcp: bool = False, names: bool = False, devices: bool = False, ribbon: bool = False
) -> Policy:
    """What to refuse; `tcp` keeps TCP connections, `names` name services, `devices` cameras.

    `ribbon` keeps what libcamera needs beside its devices.
    """
    refused = [*_MAKE_OR_CHANGE_FILES, *_OTHER_PROCESSES, *_THE_MACHINE]
    if not names:
        refused += _SERVE if tcp else ("connect", *_SERVE)
        refused += _SEND_BY_STRUCTURE
    else:
        refused += ("listen", "accept", "accept4")
    if ribbon:
        refused = [name for name in refused if name not in _OF_RIBBON]
    rules = [
        *_opening(devices=devices),
        Rule("clone", 0, Refused.NO_BIT, (_CLONE_THREAD,)),
        Rule("prctl", 0, Refused.ONE_OF, (_PR_SET_DUMPABLE, _PR_SET_PTRACER)),
        Rule("prlimit64", 2, Refused.GIVEN),
    ]
    if not names:
        rules.append(Rule("sendto", 4, Refused.GIVEN))
    sockets = (*_sockets(tcp=tcp, names=names), *([_NETLINK] if ribbon else ()))
    return Policy(tuple(refused), _ABSENT, tuple(rules), sockets)


def _opening(*, devices: bool) -> list[Rule]:
    forbidden = os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_WRONLY | _TMPFILE
    if not devices:
        forbidden |= os.O_RDWR
    return [
        Rule("open", 1, Refused.ANY_BIT, (forbidden,)),
        Rule("openat", 2, Refused.ANY_BIT, (forbidden,)),
    ]


def _sockets(*, tcp: bool, names: bool) -> tuple[tuple[int, int], ...]:
    domains = (int(socket.AF_INET), int(socket.AF_INET6))
    pairs: list[tuple[int, int]] = []
    if tcp:
        pairs += [(domain, int(socket.SOCK_STREAM)) for domain in domains]
    if names:
        pairs += [(domain, int(socket.SOCK_DGRAM)) for domain in domains]
        pairs += [(int(socket.AF_UNIX), int(socket.SOCK_STREAM)), _NETLINK]
    return tuple(pairs)
