"""`tail` against a real broker: what it shows, how it ends, and what it says when it cannot."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import paho.mqtt.client as paho
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.twins.broker import Broker, available, free_port

Captured = pytest.CaptureFixture[str]
Mosquitto = Callable[..., Broker]

PATIENCE_S = 60
# 2026-08-03T05:00:00Z.
START_S = 1_785_733_200

pytestmark = pytest.mark.skipif(
    "mosquitto" not in available(), reason="needs mosquitto: apt-get install mosquitto"
)


def pack(number: int, *records: str, gateway: str = "pole-1", arrival: str = "live") -> bytes:
    head = (
        f'{{"bn":"urn:dev:ops:{gateway}:","bt":{START_S},"n":"batch",'
        f'"vs":"57043/{number}/{arrival}/synced"}}'
    )
    shown = records or ('{"n":"wxt:wind_speed","u":"m/s","t":0.5,"v":2.5}',)
    return f"[{','.join([head, *shown])}]".encode()


class Publisher:
    """Publishes; what is retained is there for whoever subscribes later."""

    def __init__(self, port: int, *, version: MQTTProtocolVersion, **login: str) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "publisher", protocol=version)
        if login:
            self._client.username_pw_set(login["username"], login["password"])
        self._is_5 = version is MQTTProtocolVersion.MQTTv5
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def keep(self, topic: str, payload: bytes, content_type: str = "") -> None:
        self._send(topic, payload, content_type, retain=True)

    def _send(self, topic: str, payload: bytes, content_type: str, *, retain: bool) -> None:
        properties = None
        if content_type and self._is_5:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ContentType = content_type
        sent = self._client.publish(topic, payload, 1, retain, properties)
        sent.wait_for_publish(PATIENCE_S)


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    with ExitStack() as stack:

        def start(settings: str = "", *, persistence: bool = False) -> Broker:
            broker = Broker("mosquitto", settings=settings, persistence=persistence)
            return stack.enter_context(broker)

        yield start


@pytest.fixture
def port(mosquitto: Mosquitto) -> int:
    return mosquitto().port


@pytest.fixture
def publisher(port: int) -> Iterator[Publisher]:
    with Publisher(port, version=MQTTProtocolVersion.MQTTv5) as one:
        yield one


def tail(port: int, count: int, *more: str, prefix: str = "edge") -> int:
    url = f"mqtt://127.0.0.1:{port}/{prefix}"
    return main(["tail", url, "--count", str(count), "--seconds", "30", *more])


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


class ScriptedBroker:
    """Knows MQTT 3.1.1 only, as far as the script goes: CONNACK, then SUBACK with `granted`."""

    def __init__(self, granted: int, message: bytes = b"") -> None:
        self._granted, self._message = granted, message
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._server.accept()
            except OSError:
                return
            with peer:
                # MQTT 3.1.1 section 3.1.2.2: the level follows the protocol's name.
                level = peer.recv(4096)[8]
                if level != 4:
                    peer.sendall(bytes.fromhex("20020001"))
                    continue
                peer.sendall(bytes.fromhex("20020000"))
                number = peer.recv(4096)[2:4]
                peer.sendall(b"\x90\x03" + number + bytes([self._granted]) + self._message)
                while peer.recv(4096):
                    pass


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedBroker]]:
    with ExitStack() as stack:

        def make(granted: int, message: bytes = b"") -> ScriptedBroker:
            broker = ScriptedBroker(granted, message)
            stack.callback(broker.close)
            return broker

        yield make


def test_an_old_broker_is_spoken_to_in_3_1_1(
    scripted: Callable[..., ScriptedBroker], capsys: Captured
) -> None:
    topic, payload = b"edge/pole-1/raw", pack(1)
    length = 2 + len(topic) + len(payload)
    # A PUBLISH of QoS 0, its length in two bytes of seven bits.
    head = bytes([0x30, 0x80 | length % 128, length // 128, 0, len(topic)])
    broker = scripted(0, head + topic + payload)
    assert tail(broker.port, 1) == Exit.DONE
    shown = capsys.readouterr()
    assert "wind_speed" in shown.out
    assert "going on with 3.1.1" in shown.err


def test_topics_that_may_not_be_read_are_named(
    scripted: Callable[..., ScriptedBroker], capsys: Captured
) -> None:
    broker = scripted(0x80)
    assert tail(broker.port, 1, "--mqtt", "3.1.1") == Exit.FAILED
    assert "does not let us read edge/#" in capsys.readouterr().err


def test_what_nobody_understands_is_told_once_a_topic(
    port: int, publisher: Publisher, capsys: Captured
) -> None:
    publisher.keep("edge/pole-1/a", b"\x1b[31mwhat")
    publisher.keep("edge/pole-1/raw", pack(1))
    tail(port, 1)
    assert "edge/pole-1/a: not understood" in capsys.readouterr().err


def test_too_few_in_the_time_given_is_exit_code_1(port: int) -> None:
    url = f"mqtt://127.0.0.1:{port}/edge"
    assert main(["tail", url, "--count", "1", "--seconds", "0.5"]) == Exit.FAILED
    assert main(["tail", url, "--seconds", "0.5"]) == Exit.DONE


PASSWORD = "allow_anonymous false\npassword_file {}\n"


@pytest.fixture
def guarded(mosquitto: Mosquitto, tmp_path: Path) -> int:
    passwords = tmp_path / "passwords"
    subprocess.run(
        ["mosquitto_passwd", "-b", "-c", str(passwords), "city", "secret"],
        check=True,
        capture_output=True,
    )
    passwords.chmod(0o644)
    return mosquitto(PASSWORD.format(passwords)).port


def test_a_password_comes_from_a_file(guarded: int, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "secret"
    file.write_text("secret\n", encoding="utf-8")
    url = f"mqtt://city@127.0.0.1:{guarded}/edge"
    words = ["tail", url, "--password-file", str(file), "--seconds", "0.5"]
    assert main(words) == Exit.DONE, capsys.readouterr().err


def test_a_wrong_password_is_said_to_be_refused(
    guarded: int, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "secret"
    file.write_text("wrong\n", encoding="utf-8")
    url = f"mqtt://city@127.0.0.1:{guarded}/edge?password_file={file}"
    assert main(["tail", url]) == Exit.FAILED
    assert "refuses city" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mqtt://no-such-host.invalid/edge", "cannot be resolved"),
        ("mqtt://127.0.0.1:{free}/edge", "nothing listens at"),
        ("mqtts://127.0.0.1:{port}/edge", "TLS"),
    ],
)
def test_a_broker_that_cannot_be_used_is_a_sentence(
    url: str, words: str, port: int, capsys: Captured
) -> None:
    assert main(["tail", url.format(port=port, free=free_port())]) == Exit.FAILED
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:1883/edge", "begins with mqtt://"),
        ("http://localhost/edge", "begins with mqtt://"),
        ("mqtt://city:secret@localhost/edge", "--password-file"),
        ("mqtt://localhost:port/edge", "Port"),
        ("mqtt:///edge", "no host"),
        ("mqtt://localhost/edge/+", "--topic"),
        ("mqtt://localhost/edge?ca=x", "certificates are for mqtts://"),
        ("mqtts://localhost/edge?cert=x", "go together"),
        ("mqtts://localhost/edge?cafile=x", "known: ca, cert"),
    ],
)
def test_a_wrong_address_is_exit_code_2(url: str, words: str, capsys: Captured) -> None:
    assert main(["tail", url]) == Exit.USAGE
    assert words in capsys.readouterr().err


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    issued = ca.issue_cert("broker.example")
    issued.private_key_pem.write_to_path(str(tmp_path / "broker.key"))
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (tmp_path / "broker.pem").write_bytes(chain)
    return tmp_path


def tls_port(mosquitto: Mosquitto, papers: Path) -> int:
    return mosquitto(
        f"allow_anonymous true\ncertfile {papers}/broker.pem\nkeyfile {papers}/broker.key\n"
    ).port


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ("ca={0}/ca.pem&name=broker.example", (Exit.DONE, "")),
        ("ca={0}/ca.pem", (Exit.FAILED, "for another name")),
        ("ca={0}/other.pem&name=broker.example", (Exit.FAILED, "not trusted")),
        ("ca={0}/nothing.pem", (Exit.INPUT, "nothing.pem: cannot be used")),
    ],
)
def test_certificates_are_held_against_what_the_address_says(
    query: str, outcome: tuple[Exit, str], mosquitto: Mosquitto, papers: Path, capsys: Captured
) -> None:
    code, words = outcome
    url = f"mqtts://127.0.0.1:{tls_port(mosquitto, papers)}/edge?{query.format(papers)}"
    assert main(["tail", url, "--seconds", "0.5"]) == code
    assert words in capsys.readouterr().err


def started(port: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_gateway", "tail", f"mqtt://127.0.0.1:{port}/edge"]
    return subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_well(how: signal.Signals, port: int, publisher: Publisher) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    with started(port) as process:
        assert process.stdout
        assert "wind_speed" in process.stdout.readline()
        process.send_signal(how)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (Exit.DONE, "")


def test_when_nobody_reads_any_more_it_ends_well(port: int, publisher: Publisher) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    with started(port) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        # No further message comes: that the pipe is closed is seen all the same.
        assert process.wait(PATIENCE_S) == Exit.DONE
        assert process.stderr.read() == ""


def test_it_connects_again_by_itself(mosquitto: Mosquitto) -> None:
    broker = mosquitto(persistence=True)
    with Publisher(broker.port, version=MQTTProtocolVersion.MQTTv5) as publisher:
        publisher.keep("edge/pole-1/raw", pack(1))
    with started(broker.port, "--count", "2") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        broker.kill()
        assert "connecting again" in process.stderr.readline()
        broker.start()
        with Publisher(broker.port, version=MQTTProtocolVersion.MQTTv5) as publisher:
            publisher.keep("edge/pole-1/counts", pack(2))
            assert "connected again" in process.stderr.readline()
            assert "wind_speed" in process.stdout.readline()
        assert process.wait(PATIENCE_S) == Exit.DONE
