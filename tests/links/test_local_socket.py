"""The socket of the local programs: who may connect, and how each line is answered for."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.links import local
from edge_gateway.links.errors import LinkGone, Misconfigured
from edge_gateway.links.local import LocalSocket, Piece
from edge_gateway.links.local_client import LONGEST_LINE

DEADLINE_S = 5.0


def listen(path: Path, mode: int = 0o660, group: str | None = None) -> LocalSocket:
    return LocalSocket(path, mode=mode, group=group, clock=SystemClock(trusted=True))


@pytest.fixture
def link(tmp_path: Path) -> Generator[LocalSocket]:
    link = listen(tmp_path / "a.sock")
    yield link
    link.close()


@contextmanager
def program(path: Path) -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(DEADLINE_S)
        client.connect(str(path))
        yield client


def hand_over(link: LocalSocket, ticket: int, readings: int = 1) -> list[Piece]:
    """Take what comes next, each piece as so many readings under this ticket."""
    pieces: list[Piece] = []
    watchdog = Timer(DEADLINE_S, link.wake)
    watchdog.start()
    while not pieces and watchdog.is_alive():
        pieces = link.wait()
        for piece in pieces:
            last = piece.first + piece.lines.count(b"\n")
            link.owe(piece.client, last, readings, ticket)
        link.settle(0)
    watchdog.cancel()
    return pieces


def is_silent(client: socket.socket) -> bool:
    client.settimeout(0)
    try:
        client.recv(1)
    except BlockingIOError:
        return True
    finally:
        client.settimeout(DEADLINE_S)
    return False


def test_the_file_has_its_modes(tmp_path: Path) -> None:
    link = listen(tmp_path / "a.sock", mode=0o640)
    assert stat.S_IMODE((tmp_path / "a.sock").stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a.sock"]
    link.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize(("mode", "may"), [(0o660, False), (0o666, True)])
def test_the_modes_decide_who_may_connect(mode: int, may: bool) -> None:  # noqa: FBT001  a table
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        link = listen(Path(folder) / "a.sock", mode=mode)
        if (child := os.fork()) == 0:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
            try:
                socket.socket(socket.AF_UNIX).connect(f"{folder}/a.sock")
            except PermissionError:
                os._exit(1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (0 if may else 1)
        link.close()


def test_a_file_left_over_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    link = listen(path)
    with program(path):
        link.close()
    assert not path.exists()


def test_a_socket_where_somebody_listens_is_left_alone(tmp_path: Path, link: LocalSocket) -> None:
    with pytest.raises(LinkGone, match="another program"):
        listen(tmp_path / "a.sock")
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1\n")
        assert hand_over(link, 1)


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(Misconfigured, match="no socket"):
        listen(path)
    assert path.read_text(encoding="utf-8") == "precious"


def test_a_folder_that_is_not_there_may_come(tmp_path: Path) -> None:
    with pytest.raises(LinkGone, match=r"folder .* does not exist"):
        listen(tmp_path / "run" / "a.sock")


def test_a_group_that_is_not_there_will_not(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no group 'nobodies'"):
        listen(tmp_path / "a.sock", group="nobodies")
    assert list(tmp_path.iterdir()) == []


def test_closing_leaves_another_ones_file_alone(tmp_path: Path, link: LocalSocket) -> None:
    path = tmp_path / "a.sock"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
    link.close()
    assert path.exists()


def test_waking_after_closing_is_harmless(link: LocalSocket) -> None:
    link.close()
    link.wake()


def test_lines_are_answered_when_the_outbox_has_come_so_far(
    tmp_path: Path, link: LocalSocket
) -> None:
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1\n2\nhal")
        (piece,) = hand_over(link, ticket=7)
        assert (piece.first, piece.lines) == (1, b"1\n2")
        link.settle(6)
        assert is_silent(client)
        link.settle(7)
        assert client.recv(99) == b"A2\n"
        client.sendall(b"f\n")
        (piece,) = hand_over(link, ticket=8)
        assert (piece.first, piece.lines) == (3, b"half")
        link.settle(8)
        assert client.recv(99) == b"A3\n"


def test_a_refusal_comes_at_once_and_no_answer_overtakes_what_waits(
    tmp_path: Path, link: LocalSocket
) -> None:
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1\n")
        hand_over(link, ticket=5)
        client.sendall(b"2\n")
        (piece,) = link.wait()
        piece.client.refuse(2, "no")
        link.owe(piece.client, 2, 0, 0)
        link.settle(4)
        assert client.recv(99) == b"E2 no\n"
        assert is_silent(client)
        link.settle(5)
        assert client.recv(99) == b"A2\n"


def test_each_program_has_its_own_count(tmp_path: Path, link: LocalSocket) -> None:
    path = tmp_path / "a.sock"
    with program(path) as one, program(path) as other:
        one.sendall(b"1\n2\n3\n")
        hand_over(link, ticket=1)
        other.sendall(b"1\n")
        hand_over(link, ticket=2)
        link.settle(1)
        assert one.recv(99) == b"A3\n"
        assert is_silent(other)
        link.settle(2)
        assert other.recv(99) == b"A1\n"


def test_a_line_that_is_too_long_is_refused_and_the_next_is_not(
    tmp_path: Path, link: LocalSocket
) -> None:
    with program(tmp_path / "a.sock") as client:
        feeder = Timer(0, client.sendall, [b"x" * (LONGEST_LINE + 1) + b"\n2\n"])
        feeder.start()
        (piece,) = hand_over(link, ticket=1)
        feeder.join()
        assert (piece.first, piece.lines) == (2, b"2")
        link.settle(1)
        said = client.recv(199)
        assert said.startswith(b"E1 the line is longer")
        assert (said + client.recv(99) if b"A2\n" not in said else said).endswith(b"A2\n")


def test_what_a_program_sent_before_it_went_is_kept(tmp_path: Path, link: LocalSocket) -> None:
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1\n2\n3")
    pieces = hand_over(link, ticket=1)
    if sum(piece.lines.count(b"\n") + 1 for piece in pieces) < 3:
        pieces += hand_over(link, ticket=1)
    assert b"\n".join(piece.lines for piece in pieces) == b"1\n2\n3"
    assert link.waiting == len(pieces)
    link.settle(1)
    assert link.waiting == 0


def test_a_program_that_only_shut_its_side_gets_its_answer(
    tmp_path: Path, link: LocalSocket
) -> None:
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1")
        client.shutdown(socket.SHUT_WR)
        hand_over(link, ticket=1)
        link.settle(1)
        assert client.recv(99) == b"A1\n"
        assert client.recv(99) == b""


def test_nobody_is_read_from_while_too_much_is_not_durable(
    tmp_path: Path, link: LocalSocket
) -> None:
    with program(tmp_path / "a.sock") as client, program(tmp_path / "a.sock") as other:
        client.sendall(b"1\n")
        hand_over(link, ticket=1, readings=local.MOST_WAITING)
        assert link.is_awaited()
        assert not link.is_awaited()  # it was asked for, and nothing came of it
        other.sendall(b"1\n")
        link.wake()
        assert link.wait() == []
        link.settle(1)
        assert client.recv(99) == b"A1\n"
        assert hand_over(link, ticket=2)


def test_who_does_not_read_its_answers_is_not_read_from(tmp_path: Path, link: LocalSocket) -> None:
    with program(tmp_path / "a.sock") as client:
        client.sendall(b"1\n")
        (piece,) = hand_over(link, ticket=1)
        for number in range(20_000):
            piece.client.refuse(number, "x" * 80)
        link.settle(1)
        client.sendall(b"2\n")
        link.wake()
        assert link.wait() == []
        got = b""
        while b"\nA1\n" not in got:
            got += client.recv(1 << 20)
            link.settle(1)
        assert got.count(b"E") == 20_000
        assert hand_over(link, ticket=1)
