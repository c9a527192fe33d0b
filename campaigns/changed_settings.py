"""Every field of the configuration changed while the outbox is full: all of it is still delivered.

The fields are taken from the models themselves, so that a new one is tested from its first day. For
each the same store is opened by a daemon with that one field changed, beside what it needs to be
valid, and what was committed before has to reach the broker. Numbers go to both of their bounds.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import trustme
from annotated_types import Ge, Gt, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from campaigns import arguments
from campaigns.check import Findings
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.numbered import open_outbox, readings
from campaigns.pole import Pole, Settings, settings_for
from edge_gateway.config import Config
from edge_gateway.twins.broker import Broker, available, free_port

_TABLES = ("gateway", "clock", "outbox", "uplink")
_BLOCKS = 40
_READINGS = 50
_DRAIN_S = 30.0
_LOOK_S = 3.0
_WIDEST = 24

# These are not complete by their nature (docs/payloads.md) and send no backlog.
_VIEWS = frozenset({"home_assistant"})

Value = str | int | float | bool
Known = Mapping[str, Value]
"""Values that only the machine can give, by the last part of a field's path."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field by its path, and its other value; `needs` makes the whole valid."""

    path: str
    value: Value
    needs: Mapping[str, Value] = field(default_factory=dict[str, Value])

    def apply(self, settings: Settings) -> None:
        """Change it, with what it needs."""
        for path, value in {**self.needs, self.path: self.value}.items():
            *tables, name = path.split(".")
            table = settings
            for each in tables:
                if not isinstance(table.get(each), dict):
                    table[each] = {}
                table = table[each]
            table[name] = value


def changes(known: Known) -> Iterator[Change]:
    """Other values for every field of the tables that a gateway always has."""
    for table in _TABLES:
        for model in _models(Config.model_fields[table].annotation):
            yield from _of_model(model, table, known)


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, count=1_000_000)
    options.add_argument(
        "--only", default="", metavar="WORD", help="fields with WORD in their path"
    )
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped(
            "changed settings", "it needs mosquitto: apt-get install mosquitto"
        )
    report = arguments.Report("every field changed with a full outbox", chosen.seed)
    with TemporaryDirectory(prefix="set-") as name:
        folder = Path(name)
        known = _papers(folder)
        _fill(folder / "full")
        every = [change for change in changes(known) if chosen.only in change.path]
        if len(every) > chosen.count:
            every = arguments.seeded(chosen.seed, "changes").sample(every, chosen.count)
        for change in every:
            with ExitStack() as stack:
                _run(folder, stack, known, change, report)
    return report.end(as_json=chosen.json)


def _run(
    folder: Path, stack: ExitStack, known: Known, change: Change, report: arguments.Report
) -> None:
    settings = (
        f"{BROKER_SETTINGS}listener {known['port']} 127.0.0.1\n"
        f"certfile {known['certificate_file']}\nkeyfile {known['key_file']}\n"
    )
    broker = stack.enter_context(Broker("mosquitto", settings=settings))
    home = folder / "pole"
    shutil.copytree(folder / "full", home)
    stack.callback(shutil.rmtree, home)
    is_ours = not change.path.endswith(".payload")
    collector = stack.enter_context(Collector(broker.port, decodes=is_ours))
    before = settings_for(home, broker.port)
    before["device"] = []
    pole = Pole(home, before)
    stack.callback(pole.kill)
    found = collector.findings
    if change.path == "outbox.folder":
        # Another folder is another store: the old one waits until it is named again.
        pole.settings = settings_for(home, broker.port)
        change.apply(pole.settings)
        pole.start()
        time.sleep(_LOOK_S)
        pole.stop()
        pole.settings = before
    else:
        change.apply(pole.settings)
    gateway, numbers = str(pole.settings["gateway"]["id"]), range(_BLOCKS * _READINGS)
    pole.start()
    if is_ours:
        collector.wait(lambda: collector.has(gateway, numbers), "all numbers", _DRAIN_S)
    # Stopped, it removes what was acknowledged, however rarely it commits.
    collector.settle(0.3)
    if is_ours:
        pole.stop()
    if pole.entries() and not pole.until_empty(_DRAIN_S):
        found.wrong.append(f"{pole.entries()} entries do not leave; {pole.said()[-400:]}")
    pole.stop()
    if is_ours:
        found.lost = len(collector.missing(gateway, numbers))
    elif bool(collector.messages) is (change.value in _VIEWS):
        found.wrong.append(f"{collector.messages} messages came")
    _add(report, change, found)


def _add(report: arguments.Report, change: Change, found: Findings) -> None:
    said = f"{change.path} = {change.value!r}"
    found.wrong = [f"{said}: {sentence}" for sentence in found.wrong]
    shown = str(change.value)
    report.row(
        found, field=change.path, value=shown if len(shown) < _WIDEST else f"...{shown[-20:]}"
    )


def _of_model(model: type[BaseModel], where: str, known: Known) -> Iterator[Change]:
    for name, info in model.model_fields.items():
        path = f"{where}.{name}"
        inner = _models(info.annotation)
        for each in inner:
            yield from _of_model(each, path, known)
        for value in () if inner else _others(info, name, known):
            yield Change(path, value, _needs(path, value, known))


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The tables that a field may be, through unions and tuples."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _others(info: FieldInfo, name: str, known: Known) -> Iterator[Value]:
    parts = (info.annotation, *get_args(info.annotation))
    if name in known:
        yield known[name]
    elif literals := [part for part in parts if get_origin(part) is Literal]:
        yield from (value for value in get_args(literals[0]) if value != info.default)
    elif bool in parts:
        yield not info.default
    elif int in parts or float in parts:
        yield from _bounds(info, is_whole=int in parts)
    else:
        yield str(info.examples[0]) if info.examples else "changed"


def _bounds(info: FieldInfo, *, is_whole: bool) -> Iterator[Value]:
    for limit in info.metadata:
        if isinstance(limit, Ge):
            yield _plain(limit.ge)
        elif isinstance(limit, Le):
            yield _plain(limit.le)
        elif isinstance(limit, Gt):
            yield info.examples[0] if info.examples else _plain(limit.gt) + (1 if is_whole else 0.1)


def _plain(limit: object) -> float:
    return limit if isinstance(limit, int | float) else float(str(limit))


def _needs(path: str, value: Value, known: Known) -> dict[str, Value]:
    name = path.rpartition(".")[2]
    if path.startswith("uplink.tls"):
        needs = {"uplink.port": known["port"], "uplink.tls.ca_file": known["ca_file"]}
        if name in {"certificate_file", "key_file"}:
            for each in ("certificate_file", "key_file"):
                needs[f"uplink.tls.{each}"] = known[each]
        return needs
    if str(value).startswith("ngsi"):
        return {"gateway.latitude": 43.0687, "gateway.longitude": 141.3508}
    by_field: dict[str, dict[str, Value]] = {
        "port": {"uplink.tls.ca_file": known["ca_file"]},
        "password_file": {"uplink.username": "somebody"},
        "iot_agent": {"uplink.api_key_file": known["api_key_file"]},
        "sparkplug_b": {"uplink.group": "ekimae"},
    }
    return by_field.get(name) or by_field.get(str(value)) or {}


def _papers(folder: Path) -> Known:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    (folder / "cert.pem").write_bytes(chain)
    (folder / "secret").write_text("secret\n", encoding="utf-8")
    return {
        "host": "localhost",
        "port": free_port(),
        "ca_file": str(folder / "ca.pem"),
        "certificate_file": str(folder / "cert.pem"),
        "key_file": str(folder / "key.pem"),
        "server_name": "localhost",
        "password_file": str(folder / "secret"),
        "api_key_file": str(folder / "secret"),
        "folder": str(folder / "pole" / "elsewhere"),
    }


def _fill(folder: Path) -> None:
    outbox = open_outbox(folder)
    for start in range(0, _BLOCKS * _READINGS, _READINGS):
        outbox.append(readings(range(start, start + _READINGS)))
        outbox.commit()
    outbox.close()


if __name__ == "__main__":
    sys.exit(main())
