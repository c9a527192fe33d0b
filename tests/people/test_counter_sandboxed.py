"""The real counter, watched from outside: it opens no network, writes no file, leaves nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import numpy as np
import psutil
import pytest

from edge_gateway.people.boundary import Counts, Health, SourceState
from edge_gateway.people.counter_link import COUNTER_COMMAND
from tests.people.camera_double import JpegCamera
from tests.people.canaries import jpeg_with_canaries
from tests.people.watched_counter import Watched, settings_of, some, watched, write_clip

KILLS = 6
TRACED = (
    "%file,%network,%process,truncate,ftruncate,fallocate,memfd_create,io_uring_setup,"
    "shmget,mq_open,msgget,fsetxattr,fchmod,fchown,copy_file_range,sendfile,splice,pwrite64"
)
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
READS = re.compile(
    r"(openat|open|access|faccessat2?|newfstatat|stat|lstat|statx|statfs|readlink|readlinkat|"
    r"getcwd|execve|exit|exit_group|clone|wait4|chdir|fchdir|getxattr|lgetxattr)$"
)
# What a counter does with the one socket that it was given.
OWN_SOCKET = re.compile(r"(getsockname|getsockopt|recvfrom|sendto|shutdown)$")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    write_clip(path, [np.full((120, 160, 3), 8 * number, np.uint8) for number in range(30)])
    return path


@pytest.fixture(scope="module")
def traced(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The calls of a whole count, from start to stop, as strace wrote them."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace: apt-get install strace")
    folder = tmp_path_factory.mktemp("strace")
    log = folder / "log"
    strace = ("strace", "-f", "-qq", "-e", f"trace={TRACED}", "-e", "signal=none", "-o", str(log))
    settings = settings_of(clip, pictures="calibration")
    with watched(settings, folder / "home", (*strace, *COUNTER_COMMAND)) as counter:
        counter.hear_until(some(Counts, 2))
        counter.end()
    assert counter.code == 0
    return log.read_text(encoding="utf-8", errors="replace").splitlines()


def test_a_whole_count_opens_no_network(traced: list[str]) -> None:
    called = {_call(line) for line in traced}
    assert {"recvfrom", "sendto"} <= called
    assert not called & {"socket", "connect", "bind", "listen", "accept", "accept4", "socketpair"}


def test_a_whole_count_opens_no_file_to_write(traced: list[str]) -> None:
    opened = [line for line in traced if _call(line) in {"open", "openat", "creat", "openat2"}]
    assert len(opened) > 100
    assert [line for line in opened if WRITES.search(line) and " = -1 " not in line] == []


def test_a_whole_count_calls_nothing_else_that_changes_anything(traced: list[str]) -> None:
    changing = [
        line
        for line in traced
        if _call(line) and not READS.match(_call(line)) and not OWN_SOCKET.match(_call(line))
    ]
    assert [line for line in changing if " = -1 " not in line] == []


def test_a_whole_count_is_one_process(traced: list[str]) -> None:
    started = [line for line in traced if _call(line) in {"clone", "clone3", "fork", "vfork"}]
    assert [line for line in started if "CLONE_THREAD" not in line and " = -1 " not in line] == []
    executed = [line for line in traced if _call(line) == "execve" and " = 0" in line]
    assert len(executed) == 2  # env, which silences the libraries, and Python


def test_it_counts_where_there_is_no_network(clip: Path, tmp_path: Path) -> None:
    unshare = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None or _fails((*unshare, "true")):
        pytest.skip("needs user and network namespaces (unshare --user --net)")
    with watched(settings_of(clip), tmp_path / "home", (*unshare, *COUNTER_COMMAND)) as counter:
        counter.hear_until(some(Counts, 2))
        assert _interfaces(counter.pid) == {"lo"}
        counter.end()
    assert counter.code == 0
    assert list(counter.leaving()) == ["the socket", "stderr"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_counts_a_camera_on_the_network(tmp_path: Path, host: str) -> None:
    jpegs = [jpeg_with_canaries(number)[0] for number in range(10)]
    with (
        JpegCamera(jpegs) as camera,
        watched(settings_of(camera.url.replace("127.0.0.1", host)), tmp_path / "home") as counter,
    ):
        counter.hear_until(lambda _: any(_sees(message) for message in counter.messages))
        counter.hear_until(some(Counts, 2))
        counter.end()
    assert counter.code == 0


def test_while_it_counts_it_is_confined_and_holds_no_file_open_to_write(
    clip: Path, tmp_path: Path
) -> None:
    with watched(settings_of(clip), tmp_path / "home") as counter:
        counter.hear_until(some(Counts))
        status = Path(f"/proc/{counter.pid}/status").read_text(encoding="ascii")
        limits = Path(f"/proc/{counter.pid}/limits").read_text(encoding="ascii")
        writable = _open_to_write(counter)
        counter.end()
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max file size +0 +0 ", limits, re.MULTILINE)
    assert writable == []


@pytest.mark.timeout(120)  # a process that loads a network, started seven times
def test_killed_at_any_moment_it_leaves_nothing(clip: Path, tmp_path: Path) -> None:
    """From before the libraries are loaded until after the first word."""
    random = Random(20)
    shared = set(Path("/dev/shm").iterdir())
    settings = settings_of(clip, pictures="calibration")
    begins_s = time.monotonic()
    with watched(settings, tmp_path / "whole") as counter:
        counter.hear_until(bool)
        latest_s = 1.2 * (time.monotonic() - begins_s)
    for number in range(KILLS):
        home = tmp_path / f"home{number}"
        with watched(settings, home) as counter:
            ends_s = time.monotonic() + random.uniform(0, latest_s)
            while (left_s := ends_s - time.monotonic()) > 0:
                counter.hear(left_s)
            started = psutil.Process(counter.pid).children(recursive=True)
            os.kill(counter.pid, signal.SIGKILL)
            counter.child.wait(10)
        assert started == []
        assert list(home.iterdir()) == []
    assert set(Path("/dev/shm").iterdir()) - shared == set()


def _call(line: str) -> str:
    """The name of the call in a line of strace; empty in the second half of a parted one."""
    found = re.match(r"(?:\d+ +)?(\w+)\(", line)
    return found[1] if found else ""


def _sees(message: object) -> bool:
    return isinstance(message, Health) and message.source is SourceState.SEEING


def _fails(command: tuple[str, ...]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def _interfaces(pid: int) -> set[str]:
    lines = Path(f"/proc/{pid}/net/dev").read_text(encoding="ascii").splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines}


def _open_to_write(counter: Watched) -> list[str]:
    """Files and devices open for writing, beside sockets, pipes and the kernel's own."""
    found: list[str] = []
    for link in Path(f"/proc/{counter.pid}/fd").iterdir():
        target = str(link.readlink())
        info = Path(f"/proc/{counter.pid}/fdinfo/{link.name}").read_text(encoding="ascii")
        flags = int(info.split("flags:")[1].split()[0], 8)
        is_kernels = target.startswith(("socket:", "pipe:", "anon_inode:"))
        if flags & os.O_ACCMODE != os.O_RDONLY and not is_kernels and target != "/dev/null":
            found.append(target)
    return found
