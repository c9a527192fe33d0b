"""The register map of a Modbus slave, as a TOML file says it: what stands where, and how."""

from __future__ import annotations

import difflib
import math
import struct
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from edge_gateway.config import Section
from edge_gateway.drivers.formats.circle import FULL_CIRCLE_DEG
from edge_gateway.drivers.formats.flags import in_range, missing
from edge_gateway.links.contract import Modbus
from edge_gateway.links.errors import BadFrame, DeviceSilent, Misconfigured
from edge_gateway.reading import Flagged, Lane, Measurand, Quantity

SHIPPED = Path(__file__).parents[1] / "profiles"
MOST_REGISTERS = 125  # in one request, Modbus application protocol V1.1b3 section 6.3
HIGHEST_ADDRESS = 0xFFFF

Type = Literal["u16", "s16", "u32", "s32", "f32"]
_WORDS: dict[Type, int] = {"u16": 1, "s16": 1, "u32": 2, "s32": 2, "f32": 2}
_FORMATS: dict[Type, str] = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}


class RegisterMapError(ValueError):
    """A register map that cannot be used: the text names the file, the key and what is wrong."""


class Register(Section):
    """One value: where it stands, how it is written, and which quantity it is."""

    quantity: Annotated[Quantity, Field(description="what it is; the quantity fixes the unit")]
    channel: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9_/-]{0,32}$",
            description="tells several of one quantity apart",
        ),
    ] = ""
    function: Annotated[Literal[3, 4], Field(description="3 holding, 4 input registers")]
    address: Annotated[
        int, Field(ge=0, le=HIGHEST_ADDRESS, description="of the first register, counted from 0")
    ]
    type: Annotated[Type, Field(description="how the number is written")]
    word_order: Annotated[
        Literal["high_first", "low_first"], Field(description="of the two registers of 32 bits")
    ] = "high_first"
    scale: Annotated[float, Field(description="value = number * scale + offset")] = 1.0
    offset: Annotated[float, Field(description="in the unit of the quantity")] = 0.0
    nan: Annotated[
        tuple[int, ...],
        Field(description="numbers that say there is no value, as the unsigned bits read"),
    ] = ()
    valid: Annotated[
        tuple[float, float], Field(description="lowest and highest value the device can measure")
    ]
    fold_360: Annotated[bool, Field(description="360 degrees is 0")] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.stop > HIGHEST_ADDRESS + 1:
            raise ValueError("32 bits from the last address")
        if self.quantity.nature.lane is not Lane.RAW:
            raise ValueError(f"{self.quantity} is counted by the gateway, not read from a slave")
        if self.scale == 0 or not math.isfinite(self.scale) or not math.isfinite(self.offset):
            raise ValueError("scale and offset must be numbers, and scale not 0")
        if not self.valid[0] < self.valid[1]:
            raise ValueError("valid must be the lowest and then the highest value")
        if any(code < 0 or code >> (16 * self.words) for code in self.nan):
            raise ValueError(f"nan codes of a {self.type} are unsigned, as they are read")
        return self

    @property
    def words(self) -> int:
        """How many registers it takes."""
        return _WORDS[self.type]

    @property
    def stop(self) -> int:
        """The address behind it."""
        return self.address + self.words

    @property
    def key(self) -> Quantity | Measurand:
        """What its value is delivered as."""
        return Measurand(self.quantity, self.channel) if self.channel else self.quantity

    def value(self, words: Sequence[int]) -> float | Flagged:
        """The value in its registers; MISSING at a NaN code, FAIL outside the valid range."""
        ordered = words if self.word_order == "high_first" else tuple(reversed(words))
        raw = struct.pack(f">{self.words}H", *ordered)
        if int.from_bytes(raw) in self.nan:
            return missing(f"the device's code for no value: {raw.hex()}")
        number = float(struct.unpack(_FORMATS[self.type], raw)[0])
        value = number * self.scale + self.offset
        if not math.isfinite(value):
            return missing(f"no number: {raw.hex()}")
        judged = in_range(value, self.valid)
        return 0.0 if self.fold_360 and judged == FULL_CIRCLE_DEG else judged

    def words_of(self, value: float) -> tuple[int, ...]:
        """The registers that hold `value`, to the nearest count; the opposite of `value`."""
        number = (value - self.offset) / self.scale
        raw = struct.pack(_FORMATS[self.type], number if self.type == "f32" else round(number))
        words = struct.unpack(f">{self.words}H", raw)
        return words if self.word_order == "high_first" else tuple(reversed(words))


class Span(Section):
    """Registers that one request reads."""

    function: Literal[3, 4]
    first: int
    count: int


class RegisterMap(Section):
    """A slave: its serial settings from the factory, and its registers."""

    title: Annotated[str, Field(min_length=1, description="maker, model and source")]
    baud: Annotated[int, Field(ge=300, le=921600, description="bits per second")]
    parity: Annotated[Literal["N", "E", "O"], Field(description="N, E or O")]
    unit: Annotated[int, Field(ge=1, le=247, description="slave address from the factory")] = 1
    read_over: Annotated[
        int,
        Field(
            ge=0,
            le=MOST_REGISTERS - 2,
            description="registers between two values that exist and may be read with them",
        ),
    ] = 0
    registers: Annotated[
        tuple[Register, ...], Field(min_length=1, alias="register", description="its values")
    ]

    @model_validator(mode="after")
    def _gives_nothing_twice(self) -> Self:
        keys = [register.key for register in self.registers]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"{key} is given {keys.count(key)} times: add a channel")
        return self

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        """The fewest requests that read all values; a value is never cut in two."""
        spans: list[Span] = []
        for register in sorted(self.registers, key=lambda one: (one.function, one.address)):
            last = spans[-1] if spans else None
            if last and last.function == register.function:
                gap = register.address - (last.first + last.count)
                count = max(last.count, register.stop - last.first)
                if gap <= self.read_over and count <= MOST_REGISTERS:
                    spans[-1] = last.model_copy(update={"count": count})
                    continue
            first, count = register.address, register.words
            spans.append(Span(function=register.function, first=first, count=count))
        return tuple(spans)

    def read(self, line: Modbus, unit: int) -> dict[Quantity | Measurand, float | Flagged]:
        """Ask the slave once for each of `spans` and decode the answers."""
        ask = {3: line.read_holding, 4: line.read_input}
        return self.decode([ask[one.function](unit, one.first, one.count) for one in self.spans])

    def decode(
        self, answers: Sequence[Sequence[int]]
    ) -> dict[Quantity | Measurand, float | Flagged]:
        """Turn the registers of each of `spans` into values; BadFrame when some are missing."""
        if [len(answer) for answer in answers] != [span.count for span in self.spans]:
            raise BadFrame(f"other registers came than were asked for: {self.title}")
        known: dict[tuple[int, int], int] = {}
        for span, answer in zip(self.spans, answers, strict=True):
            known.update({(span.function, span.first + at): word for at, word in enumerate(answer)})
        return {
            one.key: one.value([known[one.function, at] for at in range(one.address, one.stop)])
            for one in self.registers
        }


def shipped() -> tuple[str, ...]:
    """Names of the register maps that come with this package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.toml")))


def shipped_map(name: str) -> RegisterMap:
    """The register map of this name; RegisterMapError names the nearest ones."""
    if name not in shipped():
        near = difflib.get_close_matches(name, shipped(), n=1)
        question = f" Did you mean {near[0]!r}?" if near else ""
        raise RegisterMapError(
            f"there is no profile {name!r}.{question} Profiles: {', '.join(shipped())};"
            " your own is named by profile_file"
        )
    return load_map(SHIPPED / f"{name}.toml")


def fitting(line: Modbus, unit: int) -> list[str]:
    """Shipped maps whose every value this slave gives, in range; the largest first."""
    fits: dict[str, int] = {}
    for name in shipped():
        found = shipped_map(name)
        with suppress(BadFrame, DeviceSilent, Misconfigured):
            values = found.read(line, unit).values()
            if not any(isinstance(value, Flagged) for value in values):
                fits[name] = max(register.stop for register in found.registers)
    return sorted(fits, key=fits.__getitem__, reverse=True)


def load_map(path: Path) -> RegisterMap:
    """Read a register map; RegisterMapError says all that is wrong with it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return RegisterMap.model_validate(tables)
    except OSError as error:
        raise RegisterMapError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RegisterMapError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise RegisterMapError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise RegisterMapError(f"{path}: {_explained(error)}") from error


def _explained(error: ValidationError) -> str:
    problems = error.errors()
    # Registers that are wrong are not counted: "too few" would only repeat it.
    if len(problems) > 1:
        problems = [problem for problem in problems if problem["type"] != "too_short"]
    return "; ".join(f"{_dotted(problem['loc'])}: {problem['msg']}" for problem in problems)


def _dotted(location: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.removeprefix(".") or "the map"
