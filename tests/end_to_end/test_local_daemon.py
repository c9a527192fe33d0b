"""What a program was answered for arrives at the broker, whatever happens to the daemon."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_gateway.twins.broker import Broker
from edge_gateway.uplink.consumer import Seen, decode_all
from tests.end_to_end.daemons import DEADLINE_S, configuration, daemon, wait_for

COMMIT_S = 0.25
KILLS = 4
WINDOW = 600


class Listener:
    """Counts each number that arrives, by messages whose key is new."""

    def __init__(self, port: int) -> None:
        self.numbers: Counter[int] = Counter()
        self._seen = Seen()
        self._client = Client(
            CallbackAPIVersion.VERSION2, "listener", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("edge/#", qos=1)
        self._client.loop_start()

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/raw"):
            for pack in decode_all(bytes(message.payload)):
                if self._seen.first(pack.key):
                    self.numbers.update(round(r.value or 0) for r in pack.readings)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Feeder(threading.Thread):
    """A program that hands in numbers from `first` on, until the daemon is gone."""

    def __init__(self, path: Path, first: int) -> None:
        super().__init__()
        self._path, self.next, self._first = path, first, first
        self.answered = 0
        self.has_answer = threading.Event()

    def run(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(self._path))
            try:
                while True:
                    self._feed(client)
            except (ConnectionError, BrokenPipeError):
                return

    def _feed(self, client: socket.socket) -> None:
        while self.next - self._first - self.answered < WINDOW:
            said = {"quantity": "number", "value": self.next, "time": time.time()}
            # What may have been sent is never used again: only what is answered must arrive.
            self.next += 1
            client.sendall(json.dumps(said).encode() + b"\n")
        came = client.recv(4096)
        if not came:
            raise ConnectionError
        *whole, rest = came.split(b"\n")
        while rest:
            *more, rest = (rest + client.recv(4096)).split(b"\n")
            whole += more
        self.answered = int(whole[-1].removeprefix(b"A"))
        self.has_answer.set()


@contextmanager
def listening(folder: Path, port: int) -> Generator[subprocess.Popen[str]]:
    """A daemon whose door for programs is open."""
    device = f"""\
        id = "prog"
        driver = "local"
        socket = "{folder / "prog.sock"}"
        """
    with daemon(configuration(folder, port, device, COMMIT_S)) as process:
        wait_for("door", lambda: answers(folder / "prog.sock"))
        yield process


def answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        return client.connect_ex(str(path)) == 0


@pytest.fixture
def broker() -> Generator[Broker]:
    with Broker() as broker:
        yield broker


def test_what_was_answered_arrives_once_however_the_daemon_is_killed(
    tmp_path: Path, broker: Broker, seed: int
) -> None:
    random, answered, first = Random(seed), set[int](), 0
    listener = Listener(broker.port)
    for _ in range(KILLS):
        with listening(tmp_path, broker.port) as process:
            feeder = Feeder(tmp_path / "prog.sock", first)
            feeder.start()
            assert feeder.has_answer.wait(DEADLINE_S)
            time.sleep(random.uniform(0, 0.3))  # the moment is what is tried here
            process.kill()
            feeder.join()
        answered |= set(range(first, first + feeder.answered))
        first = feeder.next
    with listening(tmp_path, broker.port):
        wait_for("delivery", lambda: answered <= listener.numbers.keys())
    listener.close()
    assert len(answered) >= KILLS * 200
    assert max(listener.numbers.values()) == 1


def test_a_disk_that_is_full_gives_no_answer_and_loses_nothing(
    tmp_path: Path, broker: Broker
) -> None:
    listener = Listener(broker.port)
    with listening(tmp_path, broker.port) as process:
        feeder = Feeder(tmp_path / "prog.sock", 0)
        feeder.start()
        assert feeder.has_answer.wait(DEADLINE_S)
        # No file may grow any more: as on a full disk, the write itself is refused.
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, most))
        time.sleep(0.5)  # what was under way comes to its end
        before = feeder.answered
        time.sleep(1.0)  # nothing is to happen in it
        assert feeder.answered == before
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        wait_for("answer", lambda: feeder.answered > before + WINDOW)
        process.terminate()
        process.wait(DEADLINE_S)
        feeder.join()
    with listening(tmp_path, broker.port):
        wait_for("delivery", lambda: set(range(feeder.answered)) <= listener.numbers.keys())
    listener.close()
    assert max(listener.numbers.values()) == 1


def test_the_end_of_the_daemon_answers_what_came(tmp_path: Path, broker: Broker) -> None:
    with listening(tmp_path, broker.port) as process:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(tmp_path / "prog.sock"))
            client.sendall(b'{"quantity":"number","value":1}\n')
            client.settimeout(DEADLINE_S)
            process.terminate()
            assert client.recv(99) == b"A1\n"
            assert client.recv(99) == b""
        assert process.wait(DEADLINE_S) == 0
    assert not (tmp_path / "prog.sock").exists()
