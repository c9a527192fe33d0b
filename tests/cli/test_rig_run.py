"""The rig as one uses it: a process that runs a configuration, and faults from beside it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from edge_gateway.cli.demo.platform import Platform
from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.twins.broker import Broker

DEADLINE_S = 30.0
Captured = pytest.CaptureFixture[str]

DEVICES = """
    [[device]]
    id = "wind"
    driver = "windsonic"
    port = "/dev/serial/by-id/usb-wind"
    [[device]]
    id = "sun"
    driver = "hukseflux"
    port = "/dev/serial/by-id/usb-bus"
    period_s = 0.2
    [[device]]
    id = "air"
    driver = "sht"
    period_s = 0.2
"""
CAMERA = """
    [privacy]
    purpose = "a test"
    operator = "nobody"
    contact = "nobody"
    legal_basis = "a test"
    retention = "none"
    notice_posted = true
    [[device]]
    id = "street"
    driver = "camera"
    source = "rtsp://192.0.2.10/stream1"
    [[device.line]]
    name = "gate"
    start = [0, 0]
    end = [9, 9]
"""


def configuration(folder: Path, port: int, devices: str = DEVICES) -> Path:
    path = folder / "gateway.toml"
    text = f"""
    [gateway]
    id = "pole-0001"
    [clock]
    source = "trusted"
    [outbox]
    folder = "{folder / "configured-outbox"}"
    commit_interval_s = 0.5
    [uplink]
    host = "127.0.0.1"
    port = {port}
    tls = false
    reconnect_max_s = 1
    {devices}
    """
    path.write_text(dedent(text), encoding="utf-8")
    return path


class Rig:
    """A running `rig run --json`, and what it says of itself."""

    def __init__(self, process: subprocess.Popen[str], door: Path) -> None:
        self.process, self.door = process, door

    def line(self) -> dict[str, Any]:
        assert self.process.stdout
        text = self.process.stdout.readline()
        assert text, self.process.communicate()[1]
        return json.loads(text)

    def until(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first line of which it is so."""
        ends = time.monotonic() + DEADLINE_S
        while not is_so(line := self.line()):
            assert time.monotonic() < ends, f"not within {DEADLINE_S:.0f} s; at last {line}"
        return line

    def devices(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The devices, once it is so of them."""
        return self.until(lambda line: "devices" in line and is_so(line["devices"]))["devices"]

    def all_up(self) -> dict[str, Any]:
        return self.devices(lambda devices: all(d["state"] == "up" for d in devices.values()))

    def fault(self, *words: str) -> None:
        assert main(["rig", "faults", *words, "--control", str(self.door)]) == Exit.DONE


@contextmanager
def rig(folder: Path, config: Path, *words: str) -> Generator[Rig]:
    door = folder / "rig.sock"
    command = [sys.executable, "-m", "edge_gateway", "rig", "run", str(config), "--json"]
    process = subprocess.Popen(
        [*command, "--control", str(door), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Killed at the end of most tests, it leaves its folder behind.
        env={**os.environ, "TMPDIR": str(folder)},
    )
    try:
        yield Rig(process, door)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def nobody() -> Generator[int]:
    """A port at which no broker answers."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[Rig]:
    """One rig for all tests that leave every device up; no broker answers it."""
    folder = tmp_path_factory.mktemp("rig")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        with rig(folder, configuration(folder, reserved.getsockname()[1])) as running:
            yield running


def test_without_a_broker_every_device_reads_and_the_readings_wait(running: Rig) -> None:
    running.all_up()
    line = running.until(lambda line: line.get("outbox", {}).get("entries", 0) > 0)
    assert line["uplink"]["connected"] is False


def test_readings_reach_the_configured_broker(tmp_path: Path) -> None:
    with Broker() as broker, Platform("127.0.0.1", broker.port, "edge") as platform:
        with rig(tmp_path, configuration(tmp_path, broker.port)) as running:
            running.until(lambda _: platform.arrivals().readings > 0)
        assert platform.arrivals().bad == 0


def test_injected_bad_frames_are_counted_and_the_values_recover(running: Rig) -> None:
    before = running.all_up()["sun"]["counts"]
    assert before["bad_frames"] == 0
    running.fault("sun", "crc", "--times", "2")
    after = running.devices(lambda devices: devices["sun"]["counts"]["bad_frames"] >= 2)
    later = running.devices(
        lambda devices: devices["sun"]["counts"]["readings"] > after["sun"]["counts"]["readings"]
    )
    assert later["sun"]["state"] == "up"
    assert later["sun"]["counts"]["bad_frames"] == 2
    assert later["wind"]["counts"]["bad_frames"] == 0


def test_an_unplugged_device_goes_down_and_comes_up_when_it_is_plugged_in(running: Rig) -> None:
    running.all_up()
    running.fault("air", "unplug")
    down = running.devices(lambda devices: devices["air"]["state"] == "down")
    assert down["wind"]["state"] == down["sun"]["state"] == "up"
    running.fault("air", "plug")
    running.all_up()


def test_what_is_done_by_hand_stands_among_the_lines(running: Rig) -> None:
    running.all_up()
    running.fault("wind", "silent")
    running.until(lambda line: line.get("remark") == "wind: silent, the next time")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, nobody: int, number: signal.Signals) -> None:
    with rig(tmp_path, configuration(tmp_path, nobody)) as running:
        running.all_up()
        running.process.send_signal(number)
        _, said = running.process.communicate(timeout=DEADLINE_S)
        assert running.process.returncode == Exit.DONE
        assert "Traceback" not in said
        assert not running.door.exists()


def test_the_configured_store_is_never_touched(tmp_path: Path, nobody: int) -> None:
    path = configuration(tmp_path, nobody)
    assert main(["rig", "run", str(path), "--seconds", "0.5", *door(tmp_path)]) == Exit.DONE
    assert not (tmp_path / "configured-outbox").exists()


def test_a_store_of_ones_own_is_kept(tmp_path: Path, nobody: int) -> None:
    path, store = configuration(tmp_path, nobody), tmp_path / "mine"
    words = ["--seconds", "0.5", "--outbox", str(store), *door(tmp_path)]
    assert main(["rig", "run", str(path), *words]) == Exit.DONE
    assert list(store.iterdir())


def door(folder: Path) -> tuple[str, str]:
    return "--control", str(folder / "rig.sock")


def test_piped_output_is_plain_lines_one_a_device(tmp_path: Path, nobody: int) -> None:
    path = configuration(tmp_path, nobody)
    command = [sys.executable, "-m", "edge_gateway", "rig", "run", str(path), "--seconds", "1"]
    done = subprocess.run([*command, *door(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == Exit.DONE, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    last = done.stdout.splitlines()[-4:]
    assert last[0].split() == ["device", "state", "flag", "readings", "errors", "value"]
    assert [line.split()[:2] for line in last[1:]] == [["wind", "up"], ["sun", "up"], ["air", "up"]]


def test_a_camera_is_left_out_with_a_sentence(
    tmp_path: Path, nobody: int, capsys: Captured
) -> None:
    path = configuration(tmp_path, nobody, DEVICES + CAMERA)
    assert main(["rig", "run", str(path), "--seconds", "0.5", *door(tmp_path)]) == Exit.DONE
    assert "left out: street: a camera has no twin" in capsys.readouterr().err


def test_a_device_that_gave_nothing_is_named(tmp_path: Path, nobody: int, capsys: Captured) -> None:
    path = configuration(tmp_path, nobody, DEVICES.replace('"windsonic"', '"wxt530"'))
    assert main(["rig", "run", str(path), "--seconds", "0.4", *door(tmp_path)]) == Exit.FAILED
    assert "nothing came from wind" in capsys.readouterr().err


def test_a_wrong_configuration_is_explained(tmp_path: Path, capsys: Captured) -> None:
    path = configuration(tmp_path, 1883, DEVICES.replace("windsonic", "windsnic"))
    assert main(["rig", "run", str(path)]) == Exit.CONFIG
    assert "windsonic" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_no_time_at_all_is_refused(tmp_path: Path, capsys: Captured, seconds: str) -> None:
    path = configuration(tmp_path, 1883)
    assert main(["rig", "run", str(path), "--seconds", seconds]) == Exit.USAGE
    assert "give more than 0" in capsys.readouterr().err


def test_a_word_that_is_no_part_of_the_rig_is_named(capsys: Captured) -> None:
    assert main(["rig", "fault"]) == Exit.USAGE
    assert "'fault'" in capsys.readouterr().err
