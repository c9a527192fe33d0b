"""What a scan prints: a table and remarks for a person, TOML to paste, or JSON."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import cast

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from edge_gateway.cli.scan.configured import namesake
from edge_gateway.cli.scan.findings import Drivers, Finding, Found, Remark
from edge_gateway.config import DeviceConfig
from edge_gateway.wiring import conflicts

HEADER = (
    "# Found by `edge-gateway devices scan`: read the comments, then paste it into gateway.toml.\n"
)

PIPED_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Entry:
    """A device with the id its table gets, checked by the model of its driver."""

    id: str
    found: Found
    title: str
    config: DeviceConfig


@dataclass(frozen=True, slots=True)
class Report:
    """All entries, all remarks, and the ids of configured devices that were found again."""

    entries: Sequence[Entry]
    remarks: Sequence[Remark]
    known: Sequence[str] = ()

    def show(self, console: Console) -> None:
        """Print table and remarks for a person."""
        if self.entries:
            table = Table("id", "device", "where", "how sure", box=None, header_style="bold")
            for entry in self.entries:
                sure = f"may be: {entry.found.doubt}" if entry.found.doubt else "sure"
                table.add_row(entry.id, entry.title, entry.found.where, sure)
            if not console.is_terminal:
                console.width = PIPED_WIDTH
            console.print(table, markup=False)
        else:
            console.print(f"no {'new ' if self.known else ''}device was found")
        for remark in self.remarks:
            console.print(f"{remark.where}: {remark.what}", markup=False)

    def toml(self) -> str:
        """`[[device]]` tables to paste; empty where nothing was found."""
        tables = ["\n".join(_table(entry)) + "\n" for entry in self.entries]
        return "\n".join([HEADER, *tables]) if tables else ""

    def json(self) -> object:
        """The same for a program."""
        return {
            "devices": [
                {
                    "id": entry.id,
                    "driver": entry.found.driver,
                    "where": entry.found.where,
                    "sure": not entry.found.doubt,
                    "doubt": entry.found.doubt,
                    "check": entry.found.check,
                    "settings": entry.found.settings,
                }
                for entry in self.entries
            ],
            "configured": list(self.known),
            "remarks": [{"where": one.where, "what": one.what} for one in self.remarks],
        }


def report(
    findings: Sequence[Finding], drivers: Drivers, known: Sequence[DeviceConfig] = ()
) -> Report:
    """Give each device an id and check its table; what cannot be used becomes a remark.

    So does what is in the place of a `known` device; no id of those is given again.
    """
    entries: list[Entry] = []
    seen: list[str] = []
    remarks = [one for one in findings if isinstance(one, Remark)]
    for one in findings:
        if isinstance(one, Remark):
            continue
        taken = {device.id for device in known} | {entry.id for entry in entries}
        table = {"id": _free_id(one.driver, taken), "driver": one.driver, **one.settings}
        driver = drivers[one.driver]
        try:
            config = driver.config_model.model_validate(table)
        except ValidationError as error:
            problem = error.errors()[0]
            what = f"driver {one.driver} recognises it, and refuses what it says: {problem['msg']}"
            remarks.append(Remark(one.where, what))
            continue
        if same := namesake(config, known):
            seen.append(same)
            remarks.append(Remark(one.where, f"already configured as {same}"))
        else:
            entries.append(Entry(config.id, one, driver.title, config))
    remarks = list(dict.fromkeys(remarks))  # two drivers may both find one that is configured
    return Report(entries, [*remarks, *_in_the_way(entries, known)], list(dict.fromkeys(seen)))


def _free_id(driver: str, taken: Container[str]) -> str:
    names = (f"{driver.lower().replace('_', '-')}-{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def _in_the_way(entries: Sequence[Entry], known: Sequence[DeviceConfig]) -> Iterator[Remark]:
    for index, what in conflicts([*known, *(entry.config for entry in entries)]):
        if index >= len(known):
            where = entries[index - len(known)].found.where
            yield Remark(where, f"{what}; keep one, or set it up anew")


def _table(entry: Entry) -> Iterator[str]:
    found = entry.found
    yield f"# {entry.title}"
    if found.doubt:
        yield f"# May be: {found.doubt}."
    if found.check:
        yield f"# Check: {found.check}."
    for note in found.notes:
        yield f"# {note[:1].upper()}{note[1:]}."
    yield "[[device]]"
    yield f'id = "{entry.id}"'
    yield f'driver = "{found.driver}"'
    yield from _keys(found.settings, ("device",))


def _keys(settings: Mapping[str, object], table: tuple[str, ...]) -> Iterator[str]:
    nested: list[str] = []
    for key, value in settings.items():
        if isinstance(value, list | tuple):
            for inner in cast("Sequence[Mapping[str, object]]", value):
                path = (*table, key)
                nested += [f"[[{'.'.join(path)}]]", *_keys(inner, path)]
        elif key == "address" and isinstance(value, int):
            yield f"{key} = 0x{value:02x}"
        else:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    yield from nested
