"""Reading gateway.toml: every mistake is found in one go and said with file, line, key and cure."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from pydantic import BaseModel, ValidationError

from edge_gateway.config import Config, DeviceConfig

Key = tuple[str | int, ...]
DriverModels = Callable[[str], type[DeviceConfig]]
"""Gives the config model of a driver by name; raises ValueError with a sentence if unknown."""

Conflicts = Callable[[Sequence[DeviceConfig]], Iterable[tuple[int, str]]]
"""Finds devices that cannot be wired together: the index of the later one, and why."""

_UNION_TAGS = re.compile(r"^(TlsConfig|literal\[.*\]|int|float|str|bool)$")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where (line from 1, 0 where none can be named; dotted key) and what."""

    line: int
    key: str
    what: str


class ConfigError(ValueError):
    """A configuration that cannot be used; holds every problem found in it."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line per problem: `file:line: key: what`."""
        return [
            ": ".join(
                part
                for part in (
                    f"{self.path}:{problem.line}" if problem.line else str(self.path),
                    problem.key,
                    problem.what,
                )
                if part
            )
            for problem in self.problems
        ]


def load_config(
    path: Path,
    driver_models: DriverModels,
    conflicts: Conflicts = lambda _: (),
    *,
    as_if: Mapping[str, Mapping[str, object]] | None = None,
) -> Config:
    """Read and validate gateway.toml; raises ConfigError with all problems, touches no hardware.

    `as_if` gives keys of tables that are read as if they stood there, where their table does.
    """
    text = _read(path)
    try:
        tables: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, what = _syntax_problem(str(error))
        raise ConfigError(path, [Problem(line, "", what)]) from error
    for name, keys in (as_if or {}).items():
        if isinstance(tables.get(name), dict):
            tables[name] |= keys
    where = locate(text)
    problems: list[Problem] = []
    devices = _devices(tables, driver_models, where, problems)
    for index, what in () if problems else conflicts(devices):
        key: Key = ("device", index)
        problems.append(Problem(_line(key, where), _dotted(key), what))
    try:
        config = Config.model_validate({**tables, "device": devices})
    except ValidationError as error:
        problems += _explain(error, Config, (), where)
    else:
        if not problems:
            return config
    raise ConfigError(path, sorted(problems, key=lambda problem: problem.line))


def nearest(word: str, known: Iterable[str]) -> str:
    """A sentence part naming the known word that was probably meant, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def locate(text: str) -> dict[Key, int]:
    """Find the line of every table and key: `("device", 0, "port") -> 12`."""
    found: dict[Key, int] = {}
    table: Key = ()
    counts: dict[Key, int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        header = re.match(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$", raw)
        if header:
            table = _table_key(header[2], counts, is_array=header[1] == "[[")
            found.setdefault(table, number)
        elif key := re.match(r"^\s*([A-Za-z0-9_\-.\"']+)\s*=", raw):
            found.setdefault((*table, *_split(key[1])), number)
    return found


def _table_key(dotted: str, counts: dict[Key, int], *, is_array: bool) -> Key:
    names = _split(dotted)
    key: Key = ()
    for position, name in enumerate(names):
        key = (*key, name)
        last = position == len(names) - 1
        if last and is_array:
            counts[key] = counts.get(key, -1) + 1
        if key in counts:
            key = (*key, counts[key])
    return key


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        what = "no such file; `edge-gateway config sample` prints one to start from"
    except IsADirectoryError:
        what = "this is a folder; name the file in it"
    except PermissionError:
        what = "not allowed to read it; run as the gateway's user or change its mode"
    except UnicodeDecodeError as error:
        what = f"not UTF-8 text (byte {error.start}); save it as UTF-8"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    raise ConfigError(path, [Problem(0, "", what)])


def _syntax_problem(message: str) -> tuple[int, str]:
    at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    if not at:
        return 0, f"not valid TOML: {message}"
    what = message[: at.start()]
    if not at[1]:
        return 0, f"not valid TOML at the end of the file: {what}"
    return int(at[1]), f"not valid TOML, column {at[2]}: {what}"


def _devices(
    tables: Mapping[str, Any],
    driver_models: DriverModels,
    where: Mapping[Key, int],
    problems: list[Problem],
) -> list[DeviceConfig]:
    raw: object = tables.get("device", [])
    if not isinstance(raw, list):
        what = "write [[device]] with two brackets: there can be several"
        problems.append(Problem(where.get(("device",), 0), "device", what))
        return []
    devices: list[DeviceConfig] = []
    for index, table in enumerate(cast("list[object]", raw)):
        key: Key = ("device", index)
        line = where.get(key, 0)
        if not isinstance(table, dict):
            problems.append(Problem(line, _dotted(key), "must be a table"))
            continue
        fields = cast("dict[str, object]", table)
        driver = fields.get("driver")
        if not isinstance(driver, str):
            what = "driver is missing: name one of `edge-gateway devices`"
            problems.append(Problem(line, _dotted(key), what))
            continue
        try:
            model = driver_models(driver)
        except ValueError as error:
            at = (*key, "driver")
            problems.append(Problem(where.get(at, line), _dotted(at), str(error)))
            continue
        try:
            devices.append(model.model_validate(fields))
        except ValidationError as error:
            problems += _explain(error, model, key, where)
    return devices


def _explain(
    error: ValidationError, model: type[BaseModel], base: Key, where: Mapping[Key, int]
) -> list[Problem]:
    problems: list[Problem] = []
    for detail in error.errors():
        place: Key = tuple(part for part in detail["loc"] if not _UNION_TAGS.match(str(part)))
        if any(str(part).startswith("literal[") for part in detail["loc"]) and isinstance(
            detail["input"], dict
        ):
            continue  # the other branch of the union says what is wrong with the table
        key = _as_written((*base, *place), where)
        problems.append(Problem(_line(key, where), _dotted(key), _what(detail, model, place)))
    return list(dict.fromkeys(problems))


def _as_written(key: Key, where: Mapping[Key, int]) -> Key:
    """`uplink.host` rather than `uplink[0].host` of one that stands in single brackets."""
    is_single = key[:1] in where and key[:2] not in where
    return (*key[:1], *key[2:]) if key[:2] == ("uplink", 0) and is_single else key


def _what(detail: Any, model: type[BaseModel], place: Key) -> str:
    kind, message = str(detail["type"]), str(detail["msg"])
    if kind == "extra_forbidden":
        siblings = _fields_at(model, place[:-1])
        return f"unknown key {str(place[-1])!r}; {nearest(str(place[-1]), siblings)}"
    if kind == "missing":
        return f"missing{_described(model, place)}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    got: object = detail["input"]
    said = "" if isinstance(got, dict) else f", not {got!r}"
    return f"{message[:1].lower()}{message[1:]}{said}{_described(model, place)}"


def _described(model: type[BaseModel], place: Key) -> str:
    fields = _fields_at(model, place[:-1])
    field = fields.get(str(place[-1])) if place else None
    return f" ({field})" if field else ""


def _fields_at(model: type[BaseModel], place: Key) -> dict[str, str]:
    """The keys a table may have, with their descriptions; empty where `place` is no table."""
    current: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part) if current else None
        current = _model_in(field.annotation) if field else None
    if current is None:
        return {}
    return {name: field.description or "" for name, field in current.model_fields.items()}


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)


def _line(key: Key, where: Mapping[Key, int]) -> int:
    for length in range(len(key), 0, -1):
        if key[:length] in where:
            return where[key[:length]]
    return 0


def _dotted(key: Key) -> str:
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if position else part
        for position, part in enumerate(key)
    )
