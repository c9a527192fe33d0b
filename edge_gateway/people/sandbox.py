"""The counter gives up, for good, whatever it does not need to count.

Where the kernel offers it: Landlock (no file but its own may be read, none written, no port but
the camera's), a filter of system calls (no writing, no socket, no other process), no core dump, no
growth of any file, no page in swap. What a kernel lacks is reported; counting goes on. What a
kernel has and refuses is an error: then nothing is counted.

It begins with the libraries loaded, before the model is, in the one thread there is. A camera named
by an address keeps TCP to its port; named by a host name, also what finding its address needs (UDP
and the sockets of name services). A camera under /dev keeps reading and writing devices: drivers
are spoken to that way, and one that is plugged in again is a new node. One on a Pi's connector
keeps files in memory too, through which libcamera shares with the camera's processor.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from edge_gateway.links.errors import Misconfigured
from edge_gateway.people import landlock, seccomp
from edge_gateway.people.landlock import READ, USE_DEVICE, Access
from edge_gateway.people.memory import lock_memory
from edge_gateway.people.sandbox_policy import policy
from edge_gateway.people.syscalls import this_architecture

_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_THREADS: Final = re.compile(r"^Threads:\s*(\d+)$", re.MULTILINE)

# IANA: what an address without a port means.
_PORTS: Final = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322}

# A camera on a Pi's connector, as `picamera` names it.
_RIBBON: Final = "picamera2:"

_MACHINE: Final = (
    *("/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/usr/local/lib", "/lib", "/lib64"),
    *("/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/zero", "/dev/urandom"),
    *("/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg"),
    *("/sys/devices/system", "/sys/devices/virtual/thermal", "/sys/devices/platform"),
    *("/sys/class/thermal", "/sys/class/hwmon", "/sys/fs/cgroup"),
)
_OF_NETWORK: Final = (
    *("/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/run/systemd/resolve", "/run/resolvconf"),
    *("/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"),
)
_OF_CAMERA: Final = ("/sys", "/run/udev", "/usr/share/libcamera")


class SandboxError(Misconfigured):
    """A protection that this kernel has could not be had; the counter must not count."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a counter cannot work without.

    `port` is the camera's TCP port, `by_name` whether its address must be looked up, `is_device`
    whether it is under /dev, `is_ribbon` whether libcamera drives it; `files` may be read.
    """

    files: tuple[Path, ...] = ()
    port: int | None = None
    by_name: bool = False
    is_device: bool = False
    is_ribbon: bool = False


def needs_of(source: str, model: Path) -> Needs:
    """What the counter of `source`, as in the configuration, and a model's file needs."""
    if "://" not in source:
        is_ribbon = source.startswith(_RIBBON)
        if is_ribbon or source.startswith("/dev/"):
            return Needs((model,), is_device=True, is_ribbon=is_ribbon)
        return Needs((model, Path(source)))
    parts = urlsplit(source)
    try:
        port = parts.port or _PORTS.get(parts.scheme.lower())
    except ValueError:
        port = None
    return Needs((model,), port, _is_name(parts.hostname or ""))


def enter(needs: Needs) -> tuple[str, ...]:
    """Give up all but `needs`; return what this machine cannot protect, a phrase each.

    Raises SandboxError, after which the process must end: it may be half confined.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    missing: list[str] = []
    try:
        _be_one_thread()
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise SandboxError("the kernel does not take PR_SET_NO_NEW_PRIVS")
        missing += lock_memory(libc)
        missing += give_up_files(libc, needs)
        for limit in (resource.RLIMIT_CORE, resource.RLIMIT_MSGQUEUE):
            resource.setrlimit(limit, (0, 0))
        if not needs.is_ribbon:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        missing += give_up_calls(libc, needs)
    except (OSError, ValueError) as error:
        raise SandboxError(f"cannot protect the pictures in its memory: {error}") from error
    return tuple(missing)


def give_up_files(libc: ctypes.CDLL, needs: Needs) -> Iterator[str]:
    """Read nothing but what is needed, write nothing; yields what is missing.

    Raises LandlockError.
    """
    abi = landlock.version(libc)
    if not abi:
        yield "no Landlock in this kernel"
        return
    if needs.port is not None and abi < landlock.NET_SINCE:
        yield "ports besides the camera's stay open to it (Linux 6.7 closes them)"
    landlock.restrict(libc, abi, readable(needs), connect=needs.port)


def readable(needs: Needs) -> Iterator[tuple[Path, Access]]:
    """What may be read, and of a camera's devices written, wherever it is on this machine."""
    libraries = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    ours = Path(__file__).resolve().parents[1]
    for place in (*map(Path, sorted(libraries)), ours, *map(Path, _MACHINE), *needs.files):
        yield place, READ
    if needs.port is not None:
        yield from ((Path(place), READ) for place in _OF_NETWORK)
    if needs.is_device:
        yield from ((Path(place), READ) for place in _OF_CAMERA)
        yield Path("/dev"), USE_DEVICE


def give_up_calls(libc: ctypes.CDLL, needs: Needs) -> Iterator[str]:
    """Put all threads under the filter of system calls; yields what is missing.

    Raises FilterError.
    """
    architecture = this_architecture()
    if architecture is None:
        yield f"no filter of system calls for {os.uname().machine}"
        return
    if not seccomp.is_available(libc, architecture):
        yield "no filter of system calls in this kernel"
        return
    chosen = policy(
        tcp=needs.port is not None,
        names=needs.by_name,
        devices=needs.is_device,
        ribbon=needs.is_ribbon,
    )
    seccomp.install(libc, architecture, seccomp.program(chosen, architecture))


def _be_one_thread() -> None:
    """Landlock holds for the threads that are started from now on, and no others."""
    found = _THREADS.search(Path("/proc/self/status").read_text(encoding="ascii"))
    count = int(found[1]) if found else 1
    if count != 1:
        raise SandboxError(
            f"{count} threads run before it is protected: "
            "start the counter with OPENBLAS_NUM_THREADS=1, as the gateway does"
        )


def _is_name(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return bool(host)
    return False
