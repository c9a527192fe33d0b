"""`tail` against a real broker: what it shows."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.twins.broker import Broker
from tests.cli.tail_wire import PATIENCE_S, START_S, Publisher, pack, tail

Captured = pytest.CaptureFixture[str]


def test_a_reading_is_one_line_for_a_person(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    assert tail(port, 1) == Exit.DONE
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split() == [
        "2026-08-03T05:00:00.500Z",
        "live",
        "pole-1",
        "wxt",
        "wind_speed",
        "2.500",
        "m/s",
    ]


def test_backlog_flags_and_events_are_told(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    publisher.keep(
        "edge/pole-1/raw",
        pack(
            1,
            '{"n":"wxt:wind_speed.qc","t":1,"v":3}',
            '{"n":"wxt:wind_speed.why","t":1,"vs":"step"}',
            '{"n":"wxt:wind_speed","u":"m/s","t":1,"v":9}',
            '{"n":"event:device_down:wxt","t":2,"vs":"no answer"}',
            arrival="backfill",
        ),
    )
    tail(port, 2)
    event, reading = capsys.readouterr().out.splitlines()
    assert "device down wxt: no answer" in event
    assert "backfill" in reading
    assert "suspect (step)" in reading


def test_json_has_every_field_of_a_reading(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    publisher.keep("edge/pole-1/raw", pack(1), "application/senml+json")
    tail(port, 1, "--json")
    row = json.loads(capsys.readouterr().out)
    received = row.pop("received")
    assert received.endswith("Z")
    assert row == {
        "record": "reading",
        "time": "2026-08-03T05:00:00.500Z",
        "unix_s": START_S + 0.5,
        "since_boot_s": None,
        "boot": "",
        "clock": "synced",
        "arrival": "live",
        "gateway": "pole-1",
        "key": "pole-1/57043/1",
        "lane": "raw",
        "name": "wxt:wind_speed",
        "device": "wxt",
        "channel": "",
        "quantity": "wind_speed",
        "statistic": "sample",
        "window_s": 0,
        "value": 2.5,
        "unit": "m/s",
        "quality": "good",
        "flag": 1,
        "reasons": [],
        "calibration": "",
        "format": "senml",
        "topic": "edge/pole-1/raw",
        "retained": True,
    }


def test_csv_is_a_table_with_a_header(port: int, publisher: Publisher, capsys: Captured) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    tail(port, 1, "--csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["quantity"], row["value"], row["unit"]) == ("wind_speed", "2.5", "m/s")


def test_what_a_gateway_sends_can_command_neither_terminal_nor_spread_sheet(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    nasty = '{"n":"event:x:y","t":2,"vs":"=cmd\\u001b[2J\\u202e"}'
    publisher.keep("edge/pole-1/events", pack(1, nasty))
    tail(port, 1)
    assert "\x1b" not in capsys.readouterr().out
    tail(port, 1, "--csv")
    assert "'=cmd" in capsys.readouterr().out


@pytest.mark.parametrize(("more", "lines"), [((), 1), (("--no-dedupe",), 3)])
def test_a_key_is_shown_once(
    more: tuple[str, ...], lines: int, port: int, publisher: Publisher, capsys: Captured
) -> None:
    for level in ("raw", "counts", "summaries"):
        publisher.keep(f"edge/pole-1/{level}", pack(1))
    publisher.keep("edge/pole-1/zz", pack(2))
    tail(port, lines + 1, *more)
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == lines + 1


def test_gateway_and_lane_choose(port: int, publisher: Publisher, capsys: Captured) -> None:
    count = '{"n":"cam:gate/forward:people.count_60s","u":"count","t":60,"v":3}'
    publisher.keep("edge/pole-1/raw", pack(1))
    publisher.keep("edge/pole-1/counts", pack(2, count))
    publisher.keep("edge/pole-2/counts", pack(1, count, gateway="pole-2"))
    publisher.keep("edge/pole-1/state", b'{"state":"online","gateway":"pole-1"}')
    chosen = ("--gateway", "pole-1", "--lane", "counts")
    main(["tail", f"mqtt://127.0.0.1:{port}/edge", "--json", "--seconds", "1", *chosen])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["gateway"], row["quantity"]) for row in rows] == [("pole-1", "people")]


def test_since_start_leaves_out_what_was_measured_before(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    far_ahead = '{"n":"wxt:wind_speed","u":"m/s","t":3e9,"v":7}'
    publisher.keep("edge/pole-1/raw", pack(1))
    publisher.keep("edge/pole-1/summaries", pack(2, far_ahead))
    tail(port, 1, "--json", "--since-start")
    assert json.loads(capsys.readouterr().out)["value"] == 7


def test_a_gateway_that_goes_is_told_by_its_last_will(port: int, capsys: Captured) -> None:
    dying = paho.Client(CallbackAPIVersion.VERSION2, "pole-1")
    dying.will_set(
        "edge/pole-1/state",
        b'{"state":"offline","gateway":"pole-1","reason":"lost"}',
        1,
        retain=True,
    )
    dying.connect("127.0.0.1", port)
    dying.loop_start()
    dying.publish(
        "edge/pole-1/state", b'{"state":"online","gateway":"pole-1"}', 1, retain=True
    ).wait_for_publish(PATIENCE_S)

    def die() -> None:
        line = dying.socket()
        assert line is not None
        dying.loop_stop()
        line.close()

    timer = threading.Timer(1.0, die)
    timer.start()
    main(["tail", f"mqtt://127.0.0.1:{port}/edge", "--seconds", "3"])
    timer.join()
    first, second = capsys.readouterr().out.splitlines()
    assert "gateway online" in first
    assert "gateway offline (reason lost)" in second


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_both_versions_of_mqtt_show_the_same(
    version: str, port: int, publisher: Publisher, capsys: Captured
) -> None:
    publisher.keep("edge/pole-1/raw", pack(1), "application/senml+json")
    assert tail(port, 1, "--mqtt", version) == Exit.DONE
    assert "wind_speed" in capsys.readouterr().out


def test_what_nobody_understands_is_told_once_a_topic(
    mosquitto: Callable[..., Broker], capsys: Captured
) -> None:
    # Of a broker that never kept anything, what is retained comes in the order it was given.
    port = mosquitto().port
    with Publisher(port, version=MQTTProtocolVersion.MQTTv5) as publisher:
        publisher.keep("edge/pole-1/a", b"\x1b[31mwhat")
        publisher.keep("edge/pole-1/raw", pack(1))
    tail(port, 1)
    assert "edge/pole-1/a: not understood" in capsys.readouterr().err


def test_too_few_in_the_time_given_is_exit_code_1(port: int) -> None:
    url = f"mqtt://127.0.0.1:{port}/edge"
    assert main(["tail", url, "--count", "1", "--seconds", "0.5"]) == Exit.FAILED
    assert main(["tail", url, "--seconds", "0.5"]) == Exit.DONE
