"""Whether a parser's time and memory grow with its input as they may: in proportion, no faster."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass

from fuzz.targets import Target

TIMES = 4
"""Lengths compared: four times the bytes may take four times the time."""
LENGTHS = (1 << 14, 1 << 17, 1 << 20)
"""The long one of the two: the first that takes long enough to be measured."""

# Below this a measurement is of the machine, not of the parser.
LEAST_S = 0.02
MORE = 4
FINE = 1.4

# Strings that hold a parser in one state for ever: nothing but starts, digits, separators ...
PATTERNS = (
    b"\x00",
    b"\xff",
    b"\x02",
    b"$",
    b"\x02Q,",
    b"9",
    b"0R0,",
    b"=,",
    b"\r\n",
    b"[[a]]\n",
    b"\x80",
)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a target took the pattern that was worst for it."""

    pattern: bytes
    times_longer: float
    """CPU time of the long string in units of the short one's, TIMES being in proportion."""
    peak_bytes: int
    """Most memory it held at once beyond the string, at the long one."""


def patterns(target: Target) -> Iterator[bytes]:
    """What is repeated, each behind a byte that chooses the wire's manner."""
    for pattern in (*PATTERNS, *(seed for seed in target.seeds if seed)):
        yield pattern
        yield b"\x01" + pattern


def growth(target: Target) -> Growth:
    """Measure all patterns; the worst of each of the two counts."""
    slowest, most, worst = 1.0, 0, b""
    for pattern in patterns(target):
        longer = _times_longer(target, pattern)
        if longer > TIMES * FINE:  # a busy machine makes it look worse than it is
            longer = min(longer, *(_times_longer(target, pattern) for _ in range(MORE)))
        if longer > slowest:
            slowest, worst = longer, pattern[:16]
        most = max(most, _peak(target, _repeated(pattern, LENGTHS[0] // TIMES)))
    return Growth(worst, slowest, most)


def _times_longer(target: Target, pattern: bytes) -> float:
    for length in LENGTHS:
        long_s = _seconds(target, _repeated(pattern, length))
        if long_s >= LEAST_S:
            short_s = _seconds(target, _repeated(pattern, length // TIMES))
            return long_s / max(short_s, LEAST_S / TIMES / 2)
    return 1.0


def _repeated(pattern: bytes, length: int) -> bytes:
    return (pattern * (length // len(pattern) + 1))[:length]


def _seconds(target: Target, data: bytes) -> float:
    began = time.process_time()
    target(data)
    return time.process_time() - began


def _peak(target: Target, data: bytes) -> int:
    tracemalloc.start()
    target(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
