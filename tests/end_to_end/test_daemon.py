"""The daemon as systemd sees it: started with a file, stopped with a signal."""

from __future__ import annotations

import signal
import socket
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from edge_gateway.cli.demo.platform import Platform
from edge_gateway.twins.broker import Broker
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin
from tests.end_to_end.daemons import DEADLINE_S, configuration, daemon, wait_for

STOP_S = 5.0


def windsonic(folder: Path, port: int, wind: str) -> Path:
    return configuration(
        folder,
        port,
        f"""\
        id = "wind"
        driver = "windsonic"
        port = "{wind}"
        """,
    )


def committed(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return int(database.execute("SELECT count(*) FROM blocks").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


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
        with daemon(windsonic(tmp_path, broker.port, wind.path)) as process:
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
        path = windsonic(tmp_path, reserved.getsockname()[1], wind.path)
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
        path = windsonic(tmp_path, port, wind.path)
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
        path = windsonic(tmp_path, 9, wind.path)
        with daemon(path, {"NOTIFY_SOCKET": str(address)}) as process:
            told = [systemd.recv(256).decode()]
            while "WATCHDOG=1" not in told:
                told.append(systemd.recv(256).decode())
            process.terminate()
            while "STOPPING=1" not in told:
                told.append(systemd.recv(256).decode())
    assert told[0] == "READY=1"


def test_two_gateways_do_not_share_a_store(tmp_path: Path, wind: PtyLine) -> None:
    path = windsonic(tmp_path, 9, wind.path)
    with daemon(path):
        wait_for("store", (tmp_path / "outbox" / "outbox.db").exists)
        with daemon(path) as second:
            _, said = second.communicate(timeout=DEADLINE_S)
            assert second.returncode == 1
            assert "in use by another edge-gateway" in said
