"""The talk on a wire as a readable text file: what passed, and what the driver made of it.

A talk is lines of `SECONDS SIGN ...`; `#` begins a comment, and `+` goes on where the line above
ended. What follows the sign depends on the wire:

    0.000 > 44 fd                        I2C: bytes sent to address 0x44
    0.010 < 44 66 66 93 7f ff 8f              bytes received from it
    0.000 > 01 03 00 02 00 05 24 09      serial: no address; received bytes keep their chunks
    0.760 < 28-0316a2795bff 91 01 4b 46 7f ff 0f 10 25 : crc=25 YES
    0.760 + 91 01 4b 46 7f ff 0f 10 25 t=25062          1-Wire: the lines of the slave's file
    0.400 < CB:B8:33:4C:88:4F -62 dBm random            BLE: one advertisement
    0.400 + manufacturer 0499 05 12 fc 53
    0.400 + service fcd2 40 02 ca 09

    0.500 .                              nothing came in time
    0.500 ! 44 silent: text              the link raised DeviceSilent; `gone` LinkGone,
    0.500 > 44 fd ! silent: text         `misconfigured` Misconfigured; sending it did
    0.010 = air_temperature 25.000 Cel   what the driver made of all above since the last `=`,
    0.010 + relative_humidity 56.499 %RH see `talk_result`
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge_gateway.links.contract import Advert
from edge_gateway.links.talk_result import canonical
from edge_gateway.links.talk_text import advert_of, w1_bytes

Medium = Literal["serial", "i2c", "w1", "ble"]
Sign = Literal[">", "<", "!", "."]
Failure = Literal["", "silent", "gone", "misconfigured"]

_LINE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ([><!.=+])(?: +(.*))?", re.ASCII)
_SHAPE = "SECONDS SIGN ..., the sign one of > < ! . = +"


class BadTalk(ValueError):
    """A file that is no talk, or a driver that does not follow it; the message names the line."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that passed: when (seconds), what, and to or from whom (empty on a serial line).

    `failure` is what the link raised; with `>` it raised it while sending.
    """

    line: int
    at_s: float
    sign: Sign
    address: str = ""
    data: bytes = b""
    failure: Failure = ""
    text: str = ""
    advert: Advert | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What the driver made of the turns before it, a line for each value; see `talk_result`."""

    line: int
    at_s: float
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """What passed, what became of it, and how many turns had passed at the last result."""

    turns: tuple[Turn, ...]
    results: tuple[Result, ...]
    turns_judged: int


@dataclass(frozen=True, slots=True)
class _Block:
    """A line and those that go on with it."""

    line: int
    at_s: float
    sign: str
    texts: tuple[str, ...]


def parse(lines: Iterable[str], medium: Medium) -> Talk:
    """Read a talk of this kind of wire. Raises BadTalk with the number of the bad line."""
    turns: list[Turn] = []
    results: list[Result] = []
    judged = 0
    for block in _blocks(lines):
        try:
            if block.sign == "=":
                told = tuple(canonical(text) for text in block.texts)
                results.append(Result(block.line, block.at_s, told))
                judged = len(turns)
            else:
                turns.append(_turn(block, medium))
        except ValueError as error:
            raise BadTalk(f"line {block.line}: {error}") from error
    return Talk(tuple(turns), tuple(results), judged)


def _blocks(lines: Iterable[str]) -> Iterator[_Block]:
    block: _Block | None = None
    for number, raw in enumerate(lines, start=1):
        text = raw.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise BadTalk(f"line {number}: {text!r} is not {_SHAPE}")
        at, sign, rest = match.groups(default="")
        if sign != "+":
            if block is not None:
                yield block
            block = _Block(number, float(at), sign, (rest,))
        elif block is None:
            raise BadTalk(f"line {number}: there is nothing above that + could go on with")
        else:
            block = _Block(block.line, block.at_s, block.sign, (*block.texts, rest))
    if block is not None:
        yield block


def _turn(block: _Block, medium: Medium) -> Turn:
    sign = _sign(block.sign)
    here, at_s, texts = block.line, block.at_s, block.texts
    if sign == ".":
        _nothing_more((*texts[1:], *filter(None, texts[:1])))
        return Turn(here, at_s, sign)
    address, rest = ("", texts[0]) if medium == "serial" else _addressed(texts[0], medium)
    if sign == "!":
        _nothing_more(texts[1:])
        failure, text = _failure(rest)
        return Turn(here, at_s, sign, address, failure=failure, text=text)
    if sign == "<" and medium == "ble":
        return Turn(here, at_s, sign, address, advert=advert_of(address, at_s, rest, texts[1:]))
    if sign == "<" and medium == "w1":
        return Turn(here, at_s, sign, address, w1_bytes((rest, *texts[1:])))
    _nothing_more(texts[1:])
    if medium in {"w1", "ble"}:
        raise ValueError(f"nothing is sent to a device on {medium}")
    sent, fails, failed = rest.partition("!")
    if not fails:
        return Turn(here, at_s, sign, address, bytes.fromhex(sent))
    failure, text = _failure(failed)
    return Turn(here, at_s, sign, address, bytes.fromhex(sent), failure, text)


def _sign(written: str) -> Sign:
    signs: Sequence[Sign] = (">", "<", "!", ".")
    return next(sign for sign in signs if sign == written)


def _addressed(text: str, medium: Medium) -> tuple[str, str]:
    address, _, rest = text.partition(" ")
    if medium == "i2c":
        return f"{int(address, 16):02x}", rest.strip()
    if not address:
        raise ValueError("the address is missing")
    return address, rest.strip()


def _failure(text: str) -> tuple[Failure, str]:
    kinds: Sequence[Failure] = ("silent", "gone", "misconfigured")
    kind, _, said = (part.strip() for part in text.partition(":"))
    for known in kinds:
        if kind == known:
            return known, said
    raise ValueError(f"{kind!r} is none of {', '.join(kinds)}")


def _nothing_more(texts: Sequence[str]) -> None:
    if texts:
        raise ValueError(f"{texts[0]!r} does not belong here")
