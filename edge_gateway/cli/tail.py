"""`edge-gateway tail`: what gateways send, as it comes, in any of their formats."""

from __future__ import annotations

import argparse
import select
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from typing import Final

from edge_gateway.cli.tail_address import filters, parse, password_of, tls_context
from edge_gateway.cli.tail_connection import Listening, Version
from edge_gateway.cli.tail_pages import COLUMNS, CsvPage, JsonPage, Page, PersonPage
from edge_gateway.cli.tail_reel import Reel, Wish
from edge_gateway.cli.tail_trouble import BrokerTrouble
from edge_gateway.cli.terminal import CommandError, Exit, err, out
from edge_gateway.reading import Lane
from edge_gateway.uplink.backoff import Backoff
from edge_gateway.uplink.decoders import Repeats

ARRIVAL_COLUMNS: Final = (*COLUMNS, "received", "format", "topic", "retained", "details")

_NEWEST: Final[Version] = "5"
_LOOK_S = 0.5
_RECONNECT_FIRST_S, _RECONNECT_MOST_S = 1.0, 30.0

_EPILOG = """\
examples:
  edge-gateway tail mqtt://broker.example.org/edge
  edge-gateway tail --json --lane counts mqtt://broker.example.org/edge | jq .value
  edge-gateway tail --password-file secret 'mqtts://city@broker.example.org/edge?ca=ca.pem'
  edge-gateway tail mqtt://broker.example.org/spBv1.0/city

options of an mqtts:// address: ca=FILE, cert=FILE and key=FILE, name=NAME in the certificate;
exit code 1 when the broker cannot be used, and when --count was not reached in --seconds
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = _EPILOG
    parser.add_argument("url", metavar="URL", help="mqtt://[user@]host[:port]/prefix, or mqtts://")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON object a line")
    how.add_argument("--csv", action="store_true", help="a table with a header")
    parser.add_argument(
        "--topic",
        action="append",
        default=[],
        metavar="FILTER",
        help="subscribe to this instead of PREFIX/#; may be given again",
    )
    parser.add_argument("--gateway", metavar="ID", help="of this gateway only")
    lanes = [str(lane) for lane in Lane]
    parser.add_argument("--lane", choices=lanes, help="of this lane only")
    parser.add_argument(
        "--since-start",
        action="store_true",
        help="only what is measured from now on: no backlog, nothing retained",
    )
    parser.add_argument("--no-dedupe", action="store_true", help="show repetitions too")
    parser.add_argument("--seconds", type=_seconds, metavar="N", help="end after N seconds")
    parser.add_argument("--count", type=_count, metavar="N", help="end after N lines of data")
    parser.add_argument(
        "--mqtt",
        choices=["5", "3.1.1"],
        help="version of the protocol; otherwise 5, and 3.1.1 where the broker knows no other",
    )
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE", help="its first line is the password"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Show what comes until told to stop, or so many lines or seconds."""
    address = parse(arguments.url)
    if arguments.password_file is not None:
        address = replace(address, password_file=arguments.password_file)
    context = tls_context(address) if address.is_tls else None
    password = password_of(address)
    topics = filters(address, arguments.gateway, arguments.topic)

    def connection(version: Version) -> Listening:
        client_id = f"edge-gateway-tail-{SystemRandom().getrandbits(48):012x}"
        return Listening(
            address, topics, version, client_id=client_id, password=password, context=context
        )

    since = time.time() if arguments.since_start else None
    wish = Wish(arguments.gateway, arguments.lane, since, arguments.count)
    repeats = None if arguments.no_dedupe else Repeats()
    reel = Reel(_page(arguments), wish, repeats, _say)
    until_s = None if arguments.seconds is None else time.monotonic() + arguments.seconds
    with _ended_by_signals(), suppress(KeyboardInterrupt):
        _Tail(connection, reel, until_s, arguments.mqtt).run()
    sys.stdout.flush()
    if sys.stderr.isatty() or until_s is not None:
        _say(reel.summary())
    is_short = arguments.count is not None and until_s is not None and not reel.is_full
    return Exit.FAILED if is_short else Exit.DONE


class _Tail:
    """Connects, shows, and connects again, until it is time or somebody says so."""

    def __init__(
        self,
        connection: Callable[[Version], Listening],
        reel: Reel,
        until_s: float | None,
        version: Version | None,
    ) -> None:
        self._connection, self._reel, self._until_s = connection, reel, until_s
        self._version: Version | None = version
        self._backoff = Backoff(_RECONNECT_FIRST_S, _RECONNECT_MOST_S, SystemRandom())

    def run(self) -> None:
        """Raises CommandError when the first connection fails, or no other can succeed."""
        was_connected = is_lost = False
        while not self._is_over:
            listening: Listening | None = None
            try:
                listening = self._open()
                if is_lost:
                    _say("connected again; what was sent meanwhile was missed")
                was_connected, is_lost = True, False
                self._backoff.reset()
                self._show(listening)
            except BrokerTrouble as trouble:
                if not was_connected or trouble.is_final:
                    raise CommandError(str(trouble)) from trouble
                if not is_lost:
                    _say(f"{trouble}; connecting again")
                is_lost = True
                self._pause(self._backoff.next_s())
            finally:
                if listening is not None:
                    listening.close()

    def _open(self) -> Listening:
        listening = self._connection(self._version or _NEWEST)
        try:
            denied = listening.open()
        except BrokerTrouble as trouble:
            if not trouble.wants_older or self._version is not None:
                raise
            _say("the broker does not speak MQTT 5: going on with 3.1.1")
            self._version = "3.1.1"
            return self._open()
        for sentence in denied:
            _say(sentence)
        return listening

    def _show(self, listening: Listening) -> None:
        while not self._is_over:
            arrived = listening.turn(self._patience_s())
            for one in arrived:
                self._reel.take(one)
            if arrived:
                sys.stdout.flush()
            elif _is_unread():
                raise BrokenPipeError

    @property
    def _is_over(self) -> bool:
        is_late = self._until_s is not None and time.monotonic() >= self._until_s
        return is_late or self._reel.is_full

    def _patience_s(self) -> float:
        if self._until_s is None:
            return _LOOK_S
        return min(max(self._until_s - time.monotonic(), 0.0), _LOOK_S)

    def _pause(self, seconds: float) -> None:
        end_s = time.monotonic() + seconds
        while not self._is_over and (left_s := end_s - time.monotonic()) > 0:
            time.sleep(min(left_s, self._patience_s()))


def _page(arguments: argparse.Namespace) -> Page:
    if arguments.json:
        return JsonPage(sys.stdout)
    if arguments.csv:
        return CsvPage(sys.stdout, ARRIVAL_COLUMNS)
    console = out()
    return PersonPage(sys.stdout, colour=console.is_terminal and not console.no_color)


def _say(sentence: str) -> None:
    err().print(sentence, markup=False)


def _is_unread() -> bool:
    """Whether nobody can read our output any more: between two messages too."""
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):
        return False  # it is captured: no pipe
    poll = select.poll()
    poll.register(number, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


@contextmanager
def _ended_by_signals() -> Generator[None]:
    """SIGTERM ends it like Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _seconds(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value
