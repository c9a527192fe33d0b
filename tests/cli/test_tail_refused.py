"""`tail` and a broker that does not give what was asked: an old one, a guarded one, none."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.twins.broker import Broker, free_port
from tests.cli.tail_wire import pack, tail

Captured = pytest.CaptureFixture[str]
Mosquitto = Callable[..., Broker]

PASSWORD = "allow_anonymous false\npassword_file {}\n"


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
