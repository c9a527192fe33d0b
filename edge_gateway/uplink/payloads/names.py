"""Names of measurands where SenML's own cannot stand: attributes, identifiers, topic levels."""

from __future__ import annotations

import re

from edge_gateway.reading import Measurand, Statistic

_NOT_IN_AN_ATTRIBUTE = re.compile(r"[^A-Za-z0-9_]")
_NOT_IN_AN_IDENTIFIER = re.compile(r"[^A-Za-z0-9_-]")

# Orion refuses these in every text: its manual, "Forbidden characters". It advises URL encoding.
_FORBIDDEN = re.compile(r"[<>\"'=;()%]")


def attribute(measurand: Measurand) -> str:
    """QUANTITY[_CHANNEL][_STATISTIC_WINDOWs], of letters, digits and underscores."""
    name = str(measurand.quantity)
    if measurand.channel:
        channel = measurand.channel.replace("/", "_")
        name += "_" + _NOT_IN_AN_ATTRIBUTE.sub(lambda found: f"u{ord(found[0]):x}_", channel)
    if measurand.statistic is not Statistic.SAMPLE or measurand.window_s:
        name += f"_{measurand.statistic}_{measurand.window_s}s"
    return name


def identifier(*parts: str) -> str:
    """The parts that are not empty, by colons; a slash parts too, other signs become -uHEX-."""
    levels = [level for part in parts for level in part.split("/") if level]
    return ":".join(
        _NOT_IN_AN_IDENTIFIER.sub(lambda found: f"-u{ord(found[0]):x}-", level) for level in levels
    )


def without_forbidden(text: str) -> str:
    """Text that Orion takes: what it forbids is URL-encoded."""
    return _FORBIDDEN.sub(lambda found: f"%{ord(found[0]):02X}", text)
