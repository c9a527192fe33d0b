"""The link on real child processes; the child is a script that speaks with our own pieces."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from edge_gateway.config import PrivacyConfig
from edge_gateway.links.errors import BadFrame, LinkGone, Misconfigured
from edge_gateway.people.boundary import Counts, Health, SourceState, encode
from edge_gateway.people.camera import CameraConfig, counter_settings, open_counter
from edge_gateway.people.counter_link import (
    LONGEST_WORDS,
    SPEAKS,
    UNPROTECTED,
    CounterLink,
)
from edge_gateway.people.counter_process import BUSY_PENDING, MOST_PENDING, GatewayHung, Outgoing

CONFIG = CameraConfig.model_validate(
    {
        "id": "camera-1",
        "driver": "camera",
        "source": "rtsp://camera.example/stream",
        "line": [{"name": "gate", "start": [10, 20], "end": [30, 20]}],
    }
)
PERMISSION = PrivacyConfig(
    purpose="width of the footway",
    operator="City",
    contact="city@example",
    legal_basis="ordinance 7",
    retention="counts: 5 years",
    notice_posted=True,
)
PULSE = Health(10.0, 20.0, SourceState.SEEING, 3)
COUNTS = Counts(900.0, (), "nanodet-g-416/every-1", "ab" * 32)
WORKER = """
import socket, sys, time
from edge_gateway.people.boundary import Health, SourceState
from edge_gateway.people.counter_process import Lifeline, Outgoing
from edge_gateway.people.counter_settings import read_settings
connection = socket.socket(fileno=int(sys.argv[-1]))
settings = read_settings(connection.recv)
"""
PULSES = """
out, lifeline = Outgoing(connection), Lifeline(connection)
while not lifeline.is_cut():
    out.send(Health(10.0, 20.0, SourceState.SEEING, 3))
    time.sleep(0.02)
"""

Starter = Callable[[str], CounterLink]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Start a link to a child that runs the given lines after it has read its settings."""
    links: list[CounterLink] = []

    def start_child(lines: str) -> CounterLink:
        script = tmp_path / f"child{len(links)}.py"
        script.write_text(WORKER + lines, encoding="utf-8")
        root = Path(__file__).parents[2]
        prelude = f"import sys; sys.path.insert(0, {str(root)!r}); "
        run = f"{prelude}exec(open({str(script)!r}).read())"
        links.append(open_counter(CONFIG, PERMISSION, command=(sys.executable, "-c", run)))
        return links[-1]

    yield start_child
    for link in links:
        link.close()


def test_messages_of_the_child_arrive(start: Starter) -> None:
    assert start(PULSES).receive(30.0) == PULSE


def test_a_quiet_child_gives_none_in_time(start: Starter) -> None:
    link = start("time.sleep(60)")
    started = time.monotonic()
    assert link.receive(0.2) is None
    assert time.monotonic() - started < 5.0


def test_a_killed_child_is_a_gone_link_that_names_the_signal(start: Starter) -> None:
    link = start(PULSES)
    link.receive(30.0)
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(LinkGone, match="SIGKILL"):
        _hear_to_the_end(link)


def test_after_a_kill_a_new_child_works(start: Starter) -> None:
    link = start(PULSES)
    link.receive(30.0)
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(LinkGone):
        _hear_to_the_end(link)
    link.close()
    assert start(PULSES).receive(30.0) == PULSE


def test_a_child_that_ends_is_named_with_its_code_and_last_line(start: Starter) -> None:
    link = start("print('counter: the lens is gone', file=sys.stderr); sys.exit(1)")
    with pytest.raises(LinkGone, match=r"exit code 1: counter: the lens is gone"):
        _hear_to_the_end(link)


@pytest.mark.parametrize("code", [3, 4])
def test_a_child_that_cannot_use_its_input_is_misconfigured(start: Starter, code: int) -> None:
    link = start(f"print('counter: clip.avi: no such file', file=sys.stderr); sys.exit({code})")
    with pytest.raises(Misconfigured, match=r"clip\.avi: no such file"):
        _hear_to_the_end(link)


def test_a_lack_of_protection_is_logged_and_kept(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    lack = f"{UNPROTECTED}no Landlock in this kernel"
    link = start(f"print('{SPEAKS}{lack}', file=sys.stderr, flush=True)\n" + PULSES)
    link.receive(30.0)
    assert link.unprotected == lack
    assert [record.getMessage() for record in caplog.records] == [f"{SPEAKS}{lack}"]


def test_what_codecs_print_does_not_hide_what_the_counter_said(start: Starter) -> None:
    noise = "print('counter: the lens is gone\\n[h264 @ 0x1] error', file=sys.stderr); sys.exit(1)"
    with pytest.raises(LinkGone, match="the lens is gone"):
        _hear_to_the_end(start(noise))


def test_last_words_are_cut_to_what_a_log_bears(start: Starter) -> None:
    link = start("print('counter: ' + 'x' * 100000 + '\\x1b[31m', file=sys.stderr); sys.exit(1)")
    with pytest.raises(LinkGone):
        _hear_to_the_end(link)
    assert len(link.last_words) == LONGEST_WORDS


def test_nonsense_from_the_child_ends_it(start: Starter) -> None:
    link = start("connection.sendall(bytes(range(256))); time.sleep(60)")
    with pytest.raises(BadFrame):
        _hear_to_the_end(link)
    assert not psutil.pid_exists(link.pid)
    with pytest.raises(LinkGone, match="was ended"):
        link.receive(1.0)


def test_close_ends_the_child_and_leaves_nothing(start: Starter) -> None:
    link = start(PULSES)
    link.receive(30.0)
    before = set(psutil.Process().children(recursive=True))
    link.close()
    link.close()
    assert not psutil.pid_exists(link.pid)
    assert link.pid not in {child.pid for child in psutil.Process().children(recursive=True)}
    assert link.pid in {child.pid for child in before}


def test_close_ends_a_child_that_ignores_everything(start: Starter) -> None:
    link = start(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "Outgoing(connection).send(Health(1.0, 1.0, SourceState.SEEING, 0)); time.sleep(60)"
    )
    link.receive(30.0)
    link.close()
    assert not psutil.pid_exists(link.pid)


def test_close_wakes_a_receive_on_another_thread(start: Starter) -> None:
    link = start(
        PULSES.replace(
            "while not", "out.send(Health(1.0, 1.0, SourceState.SEEING, 0))\nwhile False and not"
        )
        + "time.sleep(60)"
    )
    link.receive(30.0)
    errors: list[LinkGone] = []

    def hear() -> None:
        try:
            link.receive(60.0)
        except LinkGone as error:
            errors.append(error)

    thread = threading.Thread(target=hear)
    thread.start()
    link.close()
    thread.join(10.0)
    assert not thread.is_alive()
    assert "closed" in str(errors[0])


def test_the_child_ends_when_the_gateway_is_killed(tmp_path: Path) -> None:
    """A gateway that dies without a word: only the closed socket tells its counter."""
    child = tmp_path / "child.py"
    child.write_text(WORKER + PULSES, encoding="utf-8")
    gateway = tmp_path / "gateway.py"
    gateway.write_text(
        "import sys, time\n"
        "from edge_gateway.config import PrivacyConfig\n"
        "from edge_gateway.people.camera import CameraConfig, open_counter\n"
        f"config = CameraConfig.model_validate({CONFIG.model_dump(mode='json')!r})\n"
        f"permission = PrivacyConfig.model_validate({PERMISSION.model_dump()!r})\n"
        f"link = open_counter(config, permission, command=(sys.executable, {str(child)!r}))\n"
        "link.receive(30.0)\n"
        "print(link.pid, flush=True)\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, str(gateway)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    with process:
        assert process.stdout is not None
        counter = psutil.Process(int(process.stdout.readline()))
        process.kill()
    counter.wait(10.0)


def test_a_command_that_is_not_there_is_a_gone_link() -> None:
    with pytest.raises(LinkGone, match="does not start"):
        CounterLink(counter_settings(CONFIG, PERMISSION), command=("/nowhere/counter",))


def test_pulses_are_dropped_and_counts_kept_while_the_gateway_does_not_read() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outgoing(theirs)
        while out.waiting <= BUSY_PENDING:
            out.send(COUNTS)
        full = out.waiting
        out.send(PULSE)
        assert out.waiting == full
        out.send(COUNTS)
        assert out.waiting == full + len(encode(COUNTS))


def test_a_gateway_that_never_reads_has_hung() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outgoing(theirs)

        def send_all() -> None:
            for _ in range(MOST_PENDING // len(encode(COUNTS)) + 10_000):
                out.send(COUNTS)

        with pytest.raises(GatewayHung, match="unread"):
            send_all()


def test_a_closed_gateway_is_noticed_and_not_an_error() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        out = Outgoing(theirs)
        ours.close()
        out.send(PULSE)
        assert out.closed


def _hear_to_the_end(link: CounterLink) -> None:
    """Take every message until the link raises; thirty seconds at most."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        link.receive(1.0)
