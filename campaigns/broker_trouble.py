"""Everything a broker and the way to it can do, while a program hands in numbers all the time.

Hung (SIGSTOP), stopped and started anew, connections reset, half-open, acknowledgements lost,
nothing sent through, denied by its access list, its certificate expired. After each the trouble
ends, and every number that was answered for has to arrive, once by its key and in order.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

from campaigns import arguments
from campaigns.check import Findings
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.faulty_cable import FaultyCable, Mode
from campaigns.feeder import Feeder, Ledger
from campaigns.pole import GATEWAY, Pole, settings_for
from edge_gateway.twins.broker import Broker, available, free_port

_FIRST_ANSWER_S = 20.0
_DRAIN_S = 90.0


class Street:
    """A broker, a faulty cable to it, a gateway that is fed, and a collector."""

    def __init__(
        self, folder: Path, stack: ExitStack, broker: Broker, port: int = 0, **uplink: object
    ) -> None:
        self.broker = broker
        self.collector = stack.enter_context(Collector(broker.port))
        self.cable = stack.enter_context(FaultyCable(port or broker.port))
        self.ledger = Ledger()
        self.pole = Pole(folder, settings_for(folder, self.cable.port))
        self.pole.settings["uplink"].update(uplink)
        stack.callback(self.pole.kill)
        self.pole.start()
        self.feeder = Feeder(self.pole.socket, self.ledger)
        self.feeder.answered.wait(_FIRST_ANSWER_S)

    def end(self, name: str) -> Findings:
        """The trouble is over: all of it has to come."""
        self.feeder.stop()
        found = self.collector.findings
        if not self.pole.until_empty(_DRAIN_S):
            found.wrong.append(f"{name}: {self.pole.entries()} entries do not leave")
        self.collector.settle()
        self.pole.stop()
        found.lost = len(self.collector.missing(GATEWAY, self.ledger.acknowledged))
        found.wrong += [f"{name}: {line}" for line in self.ledger.refused[:3]]
        if trace := self.pole.traceback():
            found.wrong.append(f"{name}: {trace}")
        return found


Trouble = Callable[[Street, float], None]


def hangs(street: Street, seconds: float) -> None:
    """SIGSTOP: connections stay open and nothing is answered."""
    street.broker.pause()
    time.sleep(seconds)
    street.broker.go_on()


def restarts(street: Street, seconds: float) -> None:
    """It is stopped, stays away, and comes back with the sessions it had."""
    street.broker.stop()
    time.sleep(seconds)
    street.broker.start()


def resets(street: Street, seconds: float) -> None:
    """TCP resets in the middle of whatever is under way."""
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        street.cable.reset()
        time.sleep(0.7)


def becomes(mode: Mode) -> Trouble:
    """The cable behaves badly for a while, then connections are reset and it is well."""

    def trouble(street: Street, seconds: float) -> None:
        street.cable.become(mode)
        time.sleep(seconds)
        street.cable.become(Mode.WELL)

    return trouble


TROUBLES: dict[str, Trouble] = {
    "none": lambda _, seconds: time.sleep(seconds),
    "hung (SIGSTOP)": hangs,
    "stopped and started": restarts,
    "connections reset": resets,
    "half-open": becomes(Mode.HALF_OPEN),
    "acknowledgements lost": becomes(Mode.DEAF),
    "nothing sent through": becomes(Mode.MUTE),
}


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, seconds=12.0)
    options.add_argument(
        "--only", default="", metavar="WORD", help="troubles with WORD in their name"
    )
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("broker trouble", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report("trouble with the broker and the way to it", chosen.seed)
    for name, trouble in TROUBLES.items():
        if chosen.only in name:
            _run(name, trouble, chosen.seconds, report)
    for name, special in (("denied by the access list", denied), ("certificate expired", expired)):
        if chosen.only in name:
            with TemporaryDirectory(prefix="broker-") as folder, ExitStack() as stack:
                special(name, Path(folder), stack, chosen.seconds, report)
    return report.end(as_json=chosen.json)


def _run(name: str, trouble: Trouble, seconds: float, report: arguments.Report) -> None:
    with TemporaryDirectory(prefix="broker-") as folder, ExitStack() as stack:
        broker = stack.enter_context(
            Broker("mosquitto", settings=BROKER_SETTINGS, persistence=True)
        )
        street = Street(Path(folder), stack, broker)
        trouble(street, seconds)
        _add(street, name, report)


def denied(
    name: str, folder: Path, stack: ExitStack, seconds: float, report: arguments.Report
) -> None:
    """The broker denies the lanes, then its access list is put right and read again."""
    rules = folder / "acl"
    _write(rules, f"topic readwrite edge/{GATEWAY}/state\ntopic read #\n")
    settings = f"{BROKER_SETTINGS}acl_file {rules}\n"
    broker = stack.enter_context(Broker("mosquitto", settings=settings))
    street = Street(folder, stack, broker)
    time.sleep(seconds)
    early = len(street.collector.keys)
    _write(rules, "topic readwrite #\n")
    if broker.pid is not None:
        os.kill(broker.pid, signal.SIGHUP)
    _add(street, name, report)
    if early:
        report.findings.wrong.append(f"{name}: {early} numbers came through all the same")


def expired(
    name: str, folder: Path, stack: ExitStack, seconds: float, report: arguments.Report
) -> None:
    """The broker's certificate is out of date, then it gets a new one."""
    authority, door = trustme.CA(), free_port()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    _issue(authority, folder, not_after=datetime.now(UTC) - timedelta(days=1))
    # The collector comes in by the listener in the clear, the gateway by the second one.
    settings = (
        f"{BROKER_SETTINGS}listener {door} 127.0.0.1\n"
        f"certfile {folder / 'cert.pem'}\nkeyfile {folder / 'key.pem'}\n"
    )
    broker = stack.enter_context(Broker("mosquitto", settings=settings, persistence=True))
    street = Street(folder, stack, broker, door, tls={"ca_file": str(folder / "ca.pem")})
    time.sleep(seconds)
    early = len(street.collector.keys)
    _issue(authority, folder)
    broker.stop()
    broker.start()
    _add(street, name, report)
    if early:
        report.findings.wrong.append(f"{name}: {early} numbers came through all the same")
    if "is not valid now" not in street.pole.said():
        report.findings.wrong.append(
            f"{name}: the log does not say so: {street.pole.said()[-300:]}"
        )


def _issue(authority: trustme.CA, folder: Path, *, not_after: datetime | None = None) -> None:
    issued = authority.issue_cert("127.0.0.1", not_after=not_after)
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def _add(street: Street, name: str, report: arguments.Report) -> None:
    report.row(
        street.end(name),
        trouble=name,
        given=street.ledger.next,
        acknowledged=len(street.ledger.acknowledged),
        messages=street.collector.messages,
        repeated=street.collector.repeated,
    )


if __name__ == "__main__":
    sys.exit(main())
