"""The door of the rig: who may open it, what it answers, and what it does not fall for."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.rig.control import LONGEST_LINE, ControlSocket, Request, ask
from edge_gateway.cli.rig.subject import Subject, Switch
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.twins.faults import Faults

Captured = pytest.CaptureFixture[str]


class Thermometer:
    """A twin that counts what it is to suffer."""

    FAULTS: ClassVar[Sequence[str]] = ("crc", "silent")

    def __init__(self) -> None:
        self.faults = Faults(self.FAULTS)
        self.unplugged = 0

    def fail(self, kind: str, times: int = 1) -> None:
        self.faults.order(kind, times)

    def unplug(self) -> None:
        self.unplugged += 1


@pytest.fixture
def twin() -> Thermometer:
    return Thermometer()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def door(tmp_path: Path, twin: Thermometer, told: list[str]) -> Generator[Path]:
    switches = {"unplug": Switch(twin.unplug, "the cable is out")}
    subject = Subject("air", "sht", "a wire", twin, switches)
    with ControlSocket(tmp_path / "rig.sock", {"air": subject}, told.append):
        yield tmp_path / "rig.sock"


def said(door: Path, line: bytes) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(10)
        end.connect(str(door))
        end.sendall(line + b"\n")
        return json.loads(end.makefile("rb").readline())


def test_only_its_owner_may_open_it(door: Path) -> None:
    assert stat.S_IMODE(door.stat().st_mode) == 0o600


def test_a_fault_is_ordered_as_often_as_was_said(door: Path, twin: Thermometer) -> None:
    answer = ask(door, Request(do="fault", device="air", fault="crc", times=2))
    assert answer == {"ok": True, "done": "air: crc, the next 2 times"}
    assert [twin.faults.take("crc") for _ in range(3)] == [True, True, False]


def test_a_plug_is_pulled_at_once(door: Path, twin: Thermometer) -> None:
    ask(door, Request(do="fault", device="air", fault="unplug"))
    assert twin.unplugged == 1


def test_the_rig_is_told_what_was_done(door: Path, told: list[str]) -> None:
    ask(door, Request(do="fault", device="air", fault="unplug"))
    assert told == ["air: the cable is out"]


def test_what_was_refused_is_not_told(door: Path, told: list[str]) -> None:
    assert not ask(door, Request(do="fault", device="air", fault="fire"))["ok"]
    assert told == []


def test_it_lists_devices_with_their_faults(door: Path) -> None:
    (device,) = ask(door, Request(do="list"))["devices"]
    assert device["device"] == "air"
    assert device["faults"] == ["crc", "silent", "unplug"]


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"do": "burn"}', b'{"do": "list", "x": 1}', b"9" * 100],
)
def test_what_is_no_request_is_answered_with_an_error(door: Path, line: bytes) -> None:
    answer = said(door, line)
    assert answer["ok"] is False
    assert answer["error"].startswith("not understood")


def test_a_line_without_end_does_not_fill_its_memory(door: Path) -> None:
    assert said(door, b" " * (LONGEST_LINE - 1))["ok"] is False
    assert ask(door, Request(do="list"))["ok"]


def test_one_who_connects_and_says_nothing_does_not_stop_the_others(door: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(door))
        assert ask(door, Request(do="list"))["ok"]


def test_the_socket_goes_with_the_rig(tmp_path: Path) -> None:
    with ControlSocket(tmp_path / "rig.sock", {}, lambda _: None):
        pass
    assert not (tmp_path / "rig.sock").exists()


def test_a_socket_that_a_killed_rig_left_behind_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "rig.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with ControlSocket(path, {}, lambda _: None):
        assert ask(path, Request(do="list"))["devices"] == []


def test_a_second_rig_does_not_take_the_door_of_the_first(door: Path) -> None:
    with pytest.raises(CommandError, match="another rig listens"):
        ControlSocket(door, {}, lambda _: None)
    assert ask(door, Request(do="list"))["ok"]


def test_a_file_is_never_replaced_by_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(CommandError, match="is no socket"):
        ControlSocket(path, {}, lambda _: None)
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="no rig can listen there"):
        ControlSocket(tmp_path / "file" / "rig.sock", {}, lambda _: None)


def faults(door: Path, *words: str) -> int:
    return main(["rig", "faults", *words, "--control", str(door)])


def test_the_command_says_what_was_done(door: Path, capsys: Captured) -> None:
    assert faults(door, "air", "crc", "--times", "2") == Exit.DONE
    assert capsys.readouterr().out == "air: crc, the next 2 times\n"


def test_the_command_lists_a_line_of_faults_under_each_device(door: Path, capsys: Captured) -> None:
    assert faults(door) == Exit.DONE
    assert capsys.readouterr().out == "air  sht on a wire\n    crc, silent, unplug\n"


def test_the_command_lists_one_device_alone(door: Path, capsys: Captured) -> None:
    assert faults(door, "air", "--json") == Exit.DONE
    assert [one["device"] for one in json.loads(capsys.readouterr().out)] == ["air"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("aim", "crc"), "did you mean 'air'?"),
        (("aim",), "did you mean 'air'?"),
        (("air", "crd"), "did you mean 'crc'?"),
        (("air", "crc", "--times", "0"), "0 times: give 1 to"),
        (("air", "crc", "--times", "two"), "--times"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence(
    door: Path, capsys: Captured, words: tuple[str, ...], hint: str
) -> None:
    assert faults(door, *words) == Exit.USAGE
    assert hint in capsys.readouterr().err


def test_without_a_rig_the_command_says_how_to_start_one(tmp_path: Path, capsys: Captured) -> None:
    assert faults(tmp_path / "none.sock") == Exit.FAILED
    assert "edge-gateway rig run" in capsys.readouterr().err
