"""The daemon as systemd sees it: started with a file, stopped with a signal."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from edge_gateway.cli.demo.platform import Platform
from edge_gateway.twins.broker import Broker
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin

STOP_S = 5.0
DEADLINE_S = 20.0


def configuration(folder: Path, port: int, wind: str) -> Path:
    path = folder / "gateway.toml"
    text = f"""
        [gateway]
        id = "pole-0001"
        [clock]
        source = "trusted"
        [outbox]
        folder = "{folder / "outbox"}"
        commit_interval_s = 0.5
        [uplink]
        host = "127.0.0.1"
        port = {port}
        tls = false
        start_spread_s = 0
        [[device]]
        id = "wind"
        driver = "windsonic"
        port = "{wind}"
        """
    path.write_text(dedent(text), encoding="utf-8")
    return path


@contextmanager
def daemon(path: Path, env: dict[str, str] | None = None) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "edge_gateway", "run", "--config", str(path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def committed(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM blocks").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def wait_for(what: str, is_so: object) -> None:
    assert callable(is_so)
    ends = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ends, f"no {what} within {DEADLINE_S:.0f} s"
        time.sleep(0.05)


@pytest.fixture
def wind() -> Generator[PtyLine]:
    line = PtyLine()
    with WindSonicTwin(line, WeatherScene(1)):
        yield line
    line.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_five_seconds_and_nothing_it_read_is_lost(
    tmp_path: Path, wind: PtyLine, number: signal.Signals
) -> None:
    with Broker() as broker, Platform("127.0.0.1", broker.port, "edge") as platform:
        with daemon(configuration(tmp_path, broker.port, wind.path)) as process:
            wait_for("reading", lambda: platform.arrivals().readings > 0)
            asked = time.monotonic()
            process.send_signal(number)
            _, said = process.communicate(timeout=STOP_S)
            assert time.monotonic() - asked < STOP_S
            assert process.returncode == 0, said
            assert "Traceback" not in said
        assert platform.arrivals().bad == 0


def test_it_stops_as_fast_when_the_broker_is_not_there(tmp_path: Path, wind: PtyLine) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        path = configuration(tmp_path, reserved.getsockname()[1], wind.path)
        with daemon(path) as process:
            wait_for("store", (tmp_path / "outbox" / "outbox.db").exists)
            process.terminate()
            _, said = process.communicate(timeout=STOP_S)
            assert process.returncode == 0, said


def test_what_was_read_without_a_broker_arrives_after_a_restart(
    tmp_path: Path, wind: PtyLine
) -> None:
    with Broker() as broker:
        port = broker.port
        path = configuration(tmp_path, port, wind.path)
        broker.stop()
        with daemon(path) as process:
            wait_for("committed reading", lambda: committed(tmp_path / "outbox" / "outbox.db") > 0)
            process.kill()
            process.communicate()
        broker.start()
        with Platform("127.0.0.1", port, "edge") as platform, daemon(path):
            wait_for("backfill", lambda: platform.arrivals().backfill > 0)


def test_it_tells_systemd_that_it_is_ready_and_that_it_stops(tmp_path: Path, wind: PtyLine) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(DEADLINE_S)
        path = configuration(tmp_path, 9, wind.path)
        with daemon(path, {"NOTIFY_SOCKET": str(address)}) as process:
            told = [systemd.recv(256).decode()]
            while "WATCHDOG=1" not in told:
                told.append(systemd.recv(256).decode())
            process.terminate()
            while "STOPPING=1" not in told:
                told.append(systemd.recv(256).decode())
    assert told[0] == "READY=1"


def test_two_gateways_do_not_share_a_store(tmp_path: Path, wind: PtyLine) -> None:
    path = configuration(tmp_path, 9, wind.path)
    with daemon(path):
        wait_for("store", (tmp_path / "outbox" / "outbox.db").exists)
        with daemon(path) as second:
            _, said = second.communicate(timeout=DEADLINE_S)
            assert second.returncode == 1
            assert "in use by another edge-gateway" in said


def test_the_demo_loses_nothing_in_its_outage_and_writes_its_report(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge_gateway", "demo", "--no-camera", "--seconds", "20"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "demo-report.json").read_text(encoding="utf-8"))
    assert report["lost"] == 0
    assert report["duplicated"] == 0
    assert report["messages"]["backfill"] > 0
    assert set(report["devices"]) == {"air", "sun", "wind"}
    assert all(device["produced"] > 0 for device in report["devices"].values())
