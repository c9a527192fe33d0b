"""The commented sample of gateway.toml, generated from the models so that it cannot differ."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from edge_gateway.config import Config, DeviceConfig

WIDTH = 96
IN_HEX = {"format": "hex"}
"""What `json_schema_extra` of a field says whose numbers are written as 0x44."""


def sample(drivers: Mapping[str, tuple[str, type[DeviceConfig]]]) -> str:
    """Write a complete gateway.toml: every table and key, and one device of each driver.

    `drivers` maps a driver's name to its title and the model of its table. Keys with a default
    are commented out and show it; the text as it stands is a valid configuration.
    """
    lines = [
        "# gateway.toml, complete: every table and every key. Lines that begin with `# key =` show",
        "# the default; take the `# ` away to change it. Check it: edge-gateway check gateway.toml",
        "# Counting people is off until [privacy] and a counting device are taken in deliberately:",
        "# those tables are commented out as a whole.",
    ]
    for name, field in Config.model_fields.items():
        model = _model(field.annotation)
        if name != "device" and model is not None:
            table = _nested(model, (name,), model.__doc__, is_array=_is_array(field.annotation))[1:]
            lines += ["", *(_off(table) if field.default is None else table)]
    for name, (title, model) in sorted(drivers.items()):
        fixed = {"id": f"{name.replace('_', '-')}-1", "driver": name}
        if "port" in model.model_fields:
            # A port each: in one configuration they would be in each other's way.
            fixed["port"] = f"/dev/serial/by-id/usb-{name}-port0"
        table = [*_comment(title), "[[device]]", *_fields(model, ("device",), fixed)]
        lines += ["", *(_off(table) if model.counts_people else table)]
    return "\n".join(lines) + "\n"


def _off(table: Iterable[str]) -> list[str]:
    return [f"# {line}".rstrip() for line in table]


def _fields(
    model: type[BaseModel], table: tuple[str, ...], fixed: Mapping[str, object] | None = None
) -> list[str]:
    lines: list[str] = []
    nested: list[str] = []
    for name, field in model.model_fields.items():
        inner = _model(field.annotation)
        if inner is not None:
            is_array = _is_array(field.annotation)
            nested += _nested(inner, (*table, name), field.description, is_array=is_array)
            continue
        lines += _comment(_describe(field))
        if fixed and name in fixed:
            lines.append(f"{name} = {_toml(fixed[name])}")
        elif field.is_required():
            lines.append(f"{name} = {_written(_example(model, name, field), field)}")
        else:
            shown = field.default if field.default is not None else _example(model, name, field)
            lines.append(f"# {name} = {_written(shown, field)}")
    return lines + nested


def _nested(
    model: type[BaseModel], table: tuple[str, ...], about: str | None, *, is_array: bool
) -> list[str]:
    header = ".".join(table)
    opening = f"[[{header}]]" if is_array else f"[{header}]"
    return ["", *_comment(about), opening, *_fields(model, table)]


def _example(model: type[BaseModel], name: str, field: FieldInfo) -> object:
    if field.examples:
        return field.examples[0]
    kind = next((part for part in _parts(field.annotation) if part is not type(None)), str)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    stand_ins: dict[object, object] = {
        float: 0.0,
        int: 0,
        bool: False,
        str: "...",
        Path: Path("/etc/edge-gateway") / name.replace("_file", ".pem"),
    }
    if kind not in stand_ins:
        raise TypeError(f"{model.__name__}.{name} needs examples=[...] for the sample")
    return stand_ins[kind]


def _describe(field: FieldInfo) -> str:
    bounds = [_bound(part, field) for part in cast("list[object]", field.metadata)]
    choices = [
        " | ".join(json.dumps(choice) for choice in get_args(part))
        for part in _parts(field.annotation)
        if get_origin(part) is Literal and len(get_args(part)) > 1
    ]
    limits = ", ".join(part for part in (*bounds, *choices) if part)
    return f"{field.description or ''}{f' ({limits})' if limits else ''}"


def _bound(part: object, field: FieldInfo) -> str:
    match part:
        case Ge():
            return f"at least {_written(part.ge, field)}"
        case Gt():
            return f"more than {_written(part.gt, field)}"
        case Le():
            return f"at most {_written(part.le, field)}"
        case Lt():
            return f"less than {_written(part.lt, field)}"
        case _:
            return ""


def _parts(annotation: object) -> tuple[Any, ...]:
    if get_origin(annotation) in (Union, UnionType):
        return get_args(annotation)
    return (annotation,)


def _model(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model(part))), None)


def _is_array(annotation: object) -> bool:
    return get_origin(annotation) in (tuple, list)


def _comment(text: str | None) -> list[str]:
    paragraphs: Iterable[str] = (text or "").strip().splitlines()
    return [
        f"# {line}" for paragraph in paragraphs for line in textwrap.wrap(paragraph.strip(), WIDTH)
    ]


def _written(value: object, field: FieldInfo) -> str:
    """The value as TOML; in hexadecimal where the field asks for it."""
    if isinstance(value, int) and field.json_schema_extra == IN_HEX:
        return f"0x{value:02x}"
    return _toml(value)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, (str, int, float)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(item) for item in cast('Iterable[object]', value))}]"
    raise TypeError(f"no TOML for {value!r}")
