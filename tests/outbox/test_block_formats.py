"""Blocks that older versions wrote are read for ever."""

from __future__ import annotations

import math

import pytest

from edge_gateway.outbox import decode
from edge_gateway.reading import (
    Entry,
    Event,
    Flag,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)

BOOT = "0123456789abcdef0123456789abcdef"
GOLDEN = (
    (
        (
            "02e5b45140789c5d8b3d6ec240108567c68b313f49240e805608ea40120891b88bb5ec0ec812ec5a6bb05bc44"
            "9a2747439410a8af4e12ca952654dc92bde8ff4bd075165d6b46b4b8b9cd9405ca86dbe61399e3c3dbf4c67af"
            "f337b5d48657b75bacd58ee39c5d80bb757f5c395f296f1adaededae63b8cc34a7c655567895d99e7552d9a26"
            "22f032867635924d6a5a5daec99f424d1ae64afd61c2122b508a91b11dedd131d7ebede477fe73e001e3ecfdf"
            "230020408a044440358c6185bc0c011a7133110bc0ab0860104ead76471c3f7e4fe1f80f196c3caa"
        ),
        [
            Reading(
                "wind", Measurand(Quantity.WIND_SPEED), 2.345, Flag.GOOD, Stamp(BOOT, 5000123456000)
            ),
            Reading(
                "wind",
                Measurand(Quantity.WIND_SPEED),
                math.nan,
                Flag.MISSING,
                Stamp(BOOT, 5000373501000),
                ("no_value",),
            ),
            Reading(
                "gate",
                Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 60),
                17.0,
                Flag.SUSPECT,
                Stamp(BOOT, 5040000000000),
                ("coverage",),
                "c1",
            ),
            Event("device_down", "rain", "no answer for 60 s", Stamp(BOOT, 5010000001000)),
        ],
    ),
    (
        (
            "02529edfc2789c636529cfcc4be10211f1c505a9a9290c6cc589b90539a90a068646c626a666e616968949c9"
            "29a969e87c46206062d4605877484e8d81918191899985819981915183918181e1c00e2675a6172f0c8841ccc"
            "c3f884140531900e7373bf9"
        ),
        [
            Reading(
                "wind",
                Measurand(Quantity.WIND_SPEED),
                20.0 + number % 3,
                Flag.GOOD,
                Stamp(BOOT, number * 250_007_000),
            )
            for number in range(40)
        ],
    ),
)


@pytest.mark.parametrize(("stored", "entries"), GOLDEN)
def test_blocks_of_the_first_format_are_read_for_ever(stored: str, entries: list[Entry]) -> None:
    """Written by version 0.1.0, whose stamps all were microseconds."""
    assert repr(decode(bytes.fromhex(stored))) == repr(tuple(entries))
