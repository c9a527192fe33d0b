"""Run in a process of its own: enters the sandbox, then tries what a counter must not do.

With a version of Landlock as a sixth argument it has only that, and tries files and ports alone.

Arguments: the source, a folder to try in with `file` in it, the port of a listener on loopback and
the process id of the test. What came of each attempt goes to stdout as JSON: an errno, or "done".
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import socket
import sys
import threading
from array import array
from collections.abc import Callable
from pathlib import Path

from edge_gateway.people import landlock
from edge_gateway.people.sandbox import enter, needs_of, readable
from edge_gateway.people.syscalls import number, this_architecture

OF_LANDLOCK = (
    *("open_to_write", "open_to_append", "create", "make_a_folder", "make_a_pipe", "rename"),
    *("unlink", "symlink", "link", "create_in_shared_memory", "read_another_file"),
    *("list_a_folder", "tcp", "tcp_to_another_port", "thread", "read_the_model"),
)
LIBC = ctypes.CDLL(None, use_errno=True)


def called(name: str, *arguments: int | bytes | None) -> None:
    architecture = this_architecture()
    assert architecture is not None
    if LIBC.syscall(number(name, architecture), *arguments) < 0:
        raise OSError(ctypes.get_errno(), name)


def written(path: Path, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def sent_descriptor(inherited: int) -> None:
    one, other = socket.socketpair()
    with one, other:
        rights = array("i", [inherited])
        one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


def connected(family: int, kind: int, address: tuple[str, int] | str) -> None:
    with socket.socket(family, kind) as connection:
        connection.settimeout(5.0)
        connection.connect(address)


def bound() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


def datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(b"x", ("127.0.0.1", port))


def exploded() -> None:
    if os.fork() == 0:
        os._exit(0)


def thread_ran() -> None:
    ran = threading.Event()
    threading.Thread(target=ran.set).start()
    assert ran.wait(10.0)


def mapped_shared(path: Path) -> None:
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0):
        pass


def attempts(
    folder: Path, port: int, parent: int, inherited: int
) -> dict[str, Callable[[], object]]:
    file = folder / "file"
    return {
        "write_to_an_open_file": lambda: os.write(inherited, b"x"),
        "open_to_write": lambda: written(file, os.O_WRONLY),
        "open_to_read_and_write": lambda: written(file, os.O_RDWR),
        "open_to_append": lambda: written(file, os.O_WRONLY | os.O_APPEND),
        "open_and_cut": lambda: written(file, os.O_RDONLY | os.O_TRUNC),
        "create": lambda: written(folder / "new", os.O_CREAT | os.O_WRONLY),
        "create_to_read": lambda: written(folder / "new", os.O_CREAT),
        "create_without_a_name": lambda: written(folder, os.O_TMPFILE | os.O_RDWR),
        "create_in_shared_memory": lambda: written(
            Path("/dev/shm/edge-gateway-sandbox-test"),
            os.O_CREAT | os.O_RDWR,
        ),
        "map_to_write": lambda: mapped_shared(file),
        "make_a_folder": (folder / "new").mkdir,
        "make_a_pipe": lambda: os.mkfifo(folder / "new"),
        "rename": lambda: file.rename(folder / "new"),
        "unlink": file.unlink,
        "symlink": lambda: (folder / "new").symlink_to(file),
        "link": lambda: (folder / "new").hardlink_to(file),
        "change_mode": lambda: file.chmod(0o777),
        "change_owner": lambda: os.chown(file, 1, 1),
        "change_times": lambda: os.utime(file),
        "truncate": lambda: os.truncate(file, 0),
        "extended_attribute": lambda: os.setxattr(file, "user.face", b"x"),
        "memory_file": lambda: os.memfd_create("x"),
        "io_uring": lambda: called("io_uring_setup", 1, bytes(120)),
        "shared_memory": lambda: called("shmget", 0, 4096, 0o1600),
        "open_by_structure": lambda: called("openat2", -100, b"/", bytes(24), 24),
        "read_another_file": file.read_bytes,
        "list_a_folder": lambda: list(folder.iterdir()),
        "tcp": lambda: connected(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
        "tcp_to_another_port": lambda: connected(
            socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port + 1)
        ),
        "tcp_6": lambda: connected(socket.AF_INET6, socket.SOCK_STREAM, ("::1", port + 1)),
        "udp": lambda: datagram(port),
        "unix_socket": lambda: connected(socket.AF_UNIX, socket.SOCK_STREAM, "/run/x"),
        "netlink_socket": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "packet_socket": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "bind": bound,
        "hand_over_a_descriptor": lambda: sent_descriptor(inherited),
        "fork": exploded,
        "vfork": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "execute": lambda: os.execv("/bin/true", ["true"]),
        "trace_a_process": lambda: called("ptrace", 16, parent, None, None),
        "read_another_process": lambda: called("process_vm_readv", parent, None, 0, None, 0, 0),
        "signal_another_process": lambda: os.kill(parent, 0),
        "own_namespace": lambda: called("unshare", 0x1000_0000),
        "dump_core_again": lambda: called("prlimit64", 0, 4, bytes(16), None),
        "be_dumpable_again": dumpable_again,
        "call_of_tomorrow": future_call,
        "thread": thread_ran,
        "read_the_model": lambda: Path(sys.argv[5]).read_bytes(),
    }


def dumpable_again() -> None:
    if LIBC.prctl(4, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")


def future_call() -> None:
    if LIBC.syscall(1000, 0) < 0:
        raise OSError(ctypes.get_errno(), "1000")


def outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "done"


def main() -> None:
    source, folder, port, parent, model = sys.argv[1:6]
    inherited = os.open(Path(folder) / "inherited", os.O_WRONLY | os.O_CREAT, 0o600)
    needs = needs_of(source, Path(model))
    tried = attempts(Path(folder), int(port), int(parent), inherited)
    missing: tuple[str, ...] = ()
    if len(sys.argv) > 6:
        LIBC.prctl(38, 1, 0, 0, 0)
        landlock.restrict(LIBC, int(sys.argv[6]), readable(needs), connect=needs.port)
        tried = {name: tried[name] for name in OF_LANDLOCK}
    else:
        missing = enter(needs)
    found = {name: outcome(attempt) for name, attempt in tried.items()}
    sys.stdout.write(json.dumps({"missing": missing, "found": found}))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
