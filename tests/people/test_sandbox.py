"""From inside the sandbox, by a process that tries what a counter must not do."""

from __future__ import annotations

import ctypes
import json
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge_gateway.people import landlock, sandbox, seccomp
from edge_gateway.people.counter_link import SINGLE
from edge_gateway.people.memory import swaps_to_disk
from edge_gateway.people.sandbox import Needs, SandboxError, needs_of
from edge_gateway.people.sandbox_policy import policy
from edge_gateway.people.syscalls import (
    AARCH64,
    NUMBERS,
    X86_64,
    Architecture,
    number,
    this_architecture,
)

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "nanodet-g-320-int8.onnx"
# Files in memory have to grow, and with them may a file that was open before; none is.
WRITE_TO_HELD = {"write_to_an_open_file"}

pytestmark = pytest.mark.skipif(
    this_architecture() is None, reason="the filter knows x86-64 and AArch64 alone"
)


@dataclass(frozen=True)
class Tried:
    found: dict[str, str]
    missing: list[str]
    left: set[str]


@pytest.fixture(scope="module")
def listener() -> Iterator[int]:
    """A port of loopback where somebody listens and nobody has to answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def with_a_file(tmp_path_factory: pytest.TempPathFactory, listener: int) -> Tried:
    return _tried("clip.avi", tmp_path_factory.mktemp("file"), listener)


@pytest.fixture(scope="module")
def with_an_address(tmp_path_factory: pytest.TempPathFactory, listener: int) -> Tried:
    source = f"http://127.0.0.1:{listener}/stream"
    return _tried(source, tmp_path_factory.mktemp("address"), listener)


@pytest.fixture(scope="module")
def with_a_device(tmp_path_factory: pytest.TempPathFactory, listener: int) -> Tried:
    return _tried("/dev/video0", tmp_path_factory.mktemp("device"), listener)


@pytest.fixture(scope="module")
def on_a_ribbon(tmp_path_factory: pytest.TempPathFactory, listener: int) -> Tried:
    return _tried("picamera2:0", tmp_path_factory.mktemp("ribbon"), listener)


def test_counting_a_file_everything_else_is_refused(with_a_file: Tried) -> None:
    done = {name: what for name, what in with_a_file.found.items() if _is_open(what)}
    assert done == {"thread": "done", "read_the_model": "done"}
    assert len(with_a_file.found) > 40


def test_an_attempt_leaves_nothing_behind(with_a_file: Tried) -> None:
    assert with_a_file.left == {"file", "inherited"}


def test_a_camera_by_address_leaves_its_port_and_no_other(with_an_address: Tried) -> None:
    done = {name for name, what in with_an_address.found.items() if _is_open(what)}
    assert done == {"thread", "read_the_model", "tcp"}


def test_a_camera_under_dev_leaves_no_network_and_no_file(with_a_device: Tried) -> None:
    done = {name for name, what in with_a_device.found.items() if _is_open(what)}
    assert done == {"thread", "read_the_model"}


def test_a_camera_on_a_pis_connector_leaves_memory_and_hears_of_devices(
    on_a_ribbon: Tried,
) -> None:
    done = {name for name, what in on_a_ribbon.found.items() if _is_open(what)}
    assert done == {"thread", "read_the_model", "memory_file", "netlink_socket", *WRITE_TO_HELD}


@pytest.mark.parametrize("call", ["open_to_write", "create", "tcp", "fork", "execute"])
def test_what_is_refused_is_not_permitted(with_a_file: Tried, call: str) -> None:
    assert with_a_file.found[call] == "EPERM"


def test_an_open_file_does_not_grow(with_a_file: Tried) -> None:
    assert with_a_file.found["write_to_an_open_file"] == "EFBIG"


def test_a_call_that_is_newer_than_the_filter_is_not_there(with_a_file: Tried) -> None:
    assert with_a_file.found["call_of_tomorrow"] == "ENOSYS"


def test_this_machine_lacks_what_it_says_and_nothing_else(with_a_file: Tried) -> None:
    known = ("no Landlock", "no filter of system calls", "its memory may go to swap")
    assert [one for one in with_a_file.missing if not one.startswith(known)] == []


@pytest.mark.parametrize("version", range(1, 7))
def test_each_version_of_landlock_alone_keeps_files_from_being_read_or_made(
    tmp_path: Path, listener: int, version: int
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if landlock.version(libc) < version:
        pytest.skip(f"this kernel has no version {version} of Landlock")
    tried = _tried(f"http://127.0.0.1:{listener}/", tmp_path, listener, str(version))
    ports = {"tcp_to_another_port"} if version < landlock.NET_SINCE else set[str]()
    done = {name for name, what in tried.found.items() if _is_open(what)}
    assert done == {"thread", "read_the_model", "tcp", *ports}


def test_threads_before_the_sandbox_are_an_error() -> None:
    script = (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "from pathlib import Path\n"
        "from edge_gateway.people.sandbox import SandboxError, enter, needs_of\n"
        "try:\n    enter(needs_of('clip.avi', Path('m')))\n"
        "except SandboxError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "2 threads run before it is protected" in done.stdout


def test_a_kernel_that_refuses_what_it_has_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_libc: object) -> int:
        raise landlock.LandlockError(22, "Landlock does not say its version: Invalid argument")

    monkeypatch.setattr(sandbox.landlock, "version", refuse)
    with pytest.raises(landlock.LandlockError):
        list(sandbox.give_up_files(ctypes.CDLL(None), Needs()))


def test_a_kernel_without_landlock_is_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.landlock, "version", _no_version)
    phrases = list(sandbox.give_up_files(ctypes.CDLL(None), Needs()))
    assert phrases == ["no Landlock in this kernel"]


def test_an_unknown_processor_is_a_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "this_architecture", lambda: None)
    phrases = list(sandbox.give_up_calls(ctypes.CDLL(None), Needs()))
    assert phrases == [f"no filter of system calls for {os.uname().machine}"]


def test_a_sandbox_that_cannot_be_had_is_not_tried_again_at_once() -> None:
    assert issubclass(SandboxError, sandbox.Misconfigured)


def _no_version(_libc: object) -> int:
    return 0


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("/dev/v4l/by-id/usb-camera", Needs((MODEL,), is_device=True)),
        ("picamera2:0", Needs((MODEL,), is_device=True, is_ribbon=True)),
        ("clip.avi", Needs((MODEL, Path("clip.avi")))),
        ("rtsp://192.0.2.10/stream1", Needs((MODEL,), 554)),
        ("rtsp://user:word@192.0.2.10:8554/stream1", Needs((MODEL,), 8554)),
        ("http://[2001:db8::1]/video", Needs((MODEL,), 80)),
        ("https://camera.example/video", Needs((MODEL,), 443, by_name=True)),
    ],
)
def test_a_source_needs_what_it_is_reached_by(source: str, needs: Needs) -> None:
    assert needs_of(source, MODEL) == needs


@pytest.mark.parametrize(
    ("swaps", "to_disk"),
    [
        ("Filename Type Size Used Priority\n", False),
        ("Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n", False),
        ("Filename Type Size Used Priority\n/var/swap file 102396 0 -2\n", True),
    ],
)
def test_swap_in_memory_is_no_disk(tmp_path: Path, swaps: str, *, to_disk: bool) -> None:
    path = tmp_path / "swaps"
    path.write_text(swaps, encoding="utf-8")
    assert swaps_to_disk(path) is to_disk


# The filter, run by an interpreter of our own: so also that of the other processor.

BOTH = pytest.mark.parametrize("architecture", [X86_64, AARCH64], ids=lambda one: one.name)


@BOTH
def test_a_call_of_another_processor_ends_the_process(architecture: Architecture) -> None:
    assert _answer(architecture, 0, audit=0x4000_0028) == seccomp.KILL


@BOTH
@pytest.mark.parametrize("call", ["unlinkat", "renameat2", "execve", "bind", "ptrace", "mkdirat"])
def test_listed_calls_are_refused(architecture: Architecture, call: str) -> None:
    assert _answer(architecture, _number(call, architecture)) == seccomp.REFUSE


@BOTH
def test_reading_is_allowed_and_writing_is_not(architecture: Architecture) -> None:
    openat = _number("openat", architecture)
    assert _answer(architecture, openat, 0, 0, os.O_RDONLY | os.O_CLOEXEC) == seccomp.ALLOW
    assert _answer(architecture, openat, 0, 0, os.O_WRONLY) == seccomp.REFUSE
    assert _answer(architecture, openat, 0, 0, os.O_RDWR) == seccomp.REFUSE
    assert _answer(architecture, openat, 0, 0, os.O_CREAT) == seccomp.REFUSE


@BOTH
def test_a_device_is_opened_to_read_and_write_but_never_made(architecture: Architecture) -> None:
    openat = _number("openat", architecture)
    flags = os.O_RDWR | os.O_NONBLOCK
    assert _answer(architecture, openat, 0, 0, flags, devices=True) == seccomp.ALLOW
    assert _answer(architecture, openat, 0, 0, flags | os.O_CREAT, devices=True) == seccomp.REFUSE


@BOTH
def test_threads_start_and_processes_do_not(architecture: Architecture) -> None:
    clone = _number("clone", architecture)
    assert _answer(architecture, clone, 0x3D_0F00) == seccomp.ALLOW  # glibc's pthread_create
    assert _answer(architecture, clone, 0x0120_0011) == seccomp.REFUSE  # its fork
    assert _answer(architecture, _number("clone3", architecture)) == seccomp.NOT_THERE


@BOTH
def test_the_type_of_a_socket_is_told_from_its_flags(architecture: Architecture) -> None:
    call, flags = _number("socket", architecture), socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    stream, datagram = socket.SOCK_STREAM | flags, socket.SOCK_DGRAM | flags
    assert _answer(architecture, call, socket.AF_INET, stream, tcp=True) == seccomp.ALLOW
    assert _answer(architecture, call, socket.AF_INET6, stream, tcp=True) == seccomp.ALLOW
    assert _answer(architecture, call, socket.AF_INET, datagram, tcp=True) == seccomp.REFUSE
    assert _answer(architecture, call, socket.AF_INET, stream) == seccomp.REFUSE
    named = {"tcp": True, "names": True}
    assert _answer(architecture, call, socket.AF_INET, datagram, **named) == seccomp.ALLOW
    assert _answer(architecture, call, socket.AF_PACKET, datagram, **named) == seccomp.REFUSE


@BOTH
def test_a_pointer_is_looked_at_in_both_halves(architecture: Architecture) -> None:
    sendto = _number("sendto", architecture)
    assert _answer(architecture, sendto, 3, 1, 1, 0, 0) == seccomp.ALLOW
    assert _answer(architecture, sendto, 3, 1, 1, 0, 1 << 32) == seccomp.REFUSE
    assert _answer(architecture, sendto, 3, 1, 1, 0, 1) == seccomp.REFUSE


def test_x32_calls_are_not_there() -> None:
    assert _answer(X86_64, 0x4000_0000 | 1) == seccomp.NOT_THERE


@pytest.mark.parametrize(
    ("header", "column"),
    [("x86_64-linux-gnu/asm/unistd_64.h", 0), ("asm-generic/unistd.h", 1)],
)
def test_the_numbers_are_those_of_the_kernels_header(header: str, column: int) -> None:
    path = Path("/usr/include") / header
    if not path.exists():
        pytest.skip(f"no {path}: it comes with linux-libc-dev")
    text = path.read_text(encoding="utf-8").replace("__NR3264_", "__NR_")
    theirs: dict[str, int] = {}
    for name, value in re.findall(r"#define __NR_(\w+)\s+(\d+)", text):
        theirs.setdefault(name, int(value))
    ours = {name: pair[column] for name, pair in NUMBERS.items() if name in theirs}
    assert len(ours) > 80
    assert ours == {name: theirs[name] for name in ours}


def _tried(source: str, folder: Path, port: int, *more: str) -> Tried:
    (folder / "file").write_bytes(b"before")
    script = Path(__file__).with_name("sandboxed.py")
    arguments = [source, str(folder), str(port), str(os.getpid()), str(MODEL), *more]
    done = subprocess.run(
        ["/usr/bin/env", *SINGLE, f"PYTHONPATH={ROOT}", sys.executable, "-B", script, *arguments],
        stdout=subprocess.PIPE,
        cwd=folder,
        check=True,
    )
    told = json.loads(done.stdout)
    assert (folder / "file").read_bytes() == b"before"
    return Tried(told["found"], told["missing"], {path.name for path in folder.iterdir()})


def _is_open(what: str) -> bool:
    """Whether an attempt went through, or failed only because nobody was at the other end."""
    return what not in {"EPERM", "EACCES", "ENOSYS", "EFBIG"}


def _number(call: str, architecture: Architecture) -> int:
    found = number(call, architecture)
    assert found is not None
    return found


def _answer(
    architecture: Architecture,
    call: int,
    *arguments: int,
    audit: int | None = None,
    tcp: bool = False,
    names: bool = False,
    devices: bool = False,
) -> int:
    """Run the filter as the kernel would (Linux, Documentation/networking/filter.rst)."""
    instructions = seccomp.program(policy(tcp=tcp, names=names, devices=devices), architecture)
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", call, audit or architecture.audit, 0, *map(int, padded))
    at = accumulator = 0
    while True:
        code, if_true, if_false, k = instructions[at]
        at += 1
        match code:
            case seccomp.LOAD:
                (accumulator,) = struct.unpack_from("<I", data, k)
            case seccomp.AND:
                accumulator &= k
            case seccomp.EQUAL:
                at += if_true if accumulator == k else if_false
            case seccomp.GREATER:
                at += if_true if accumulator > k else if_false
            case seccomp.ANY_BIT:
                at += if_true if accumulator & k else if_false
            case seccomp.RETURN:
                return k
            case _:
                raise AssertionError(f"unknown instruction {code:#x}")
