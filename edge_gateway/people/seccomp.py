"""A filter of system calls in classic BPF, written by hand and handed to the kernel.

`struct seccomp_data`, return values and flags: include/uapi/linux/seccomp.h; the instructions:
include/uapi/linux/bpf_common.h. Both processors are little endian. A call of another processor's
table (32 bits, x32) ends the process, and one newer than this file is "not implemented", which a C
library understands.
"""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from edge_gateway.people.syscalls import NEWEST_KNOWN, Architecture, number

ALLOW: Final = 0x7FFF_0000
KILL: Final = 0x8000_0000
ERRNO: Final = 0x0005_0000
REFUSE: Final = ERRNO | errno.EPERM
NOT_THERE: Final = ERRNO | errno.ENOSYS

LOAD, EQUAL, GREATER, ANY_BIT, AND, RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT, _ARGUMENT_BYTES, _HALF = 0, 4, 16, 8, 4

_SET_MODE_FILTER: Final = 1
_FLAG_ALL_THREADS: Final = 1
_GET_ACTION_AVAIL: Final = 2

Instruction: TypeAlias = tuple[int, int, int, int]
"""Code, instructions to skip if true and if false, and a number."""


class Refused(Enum):
    """When a call is refused, by one of its arguments."""

    ANY_BIT = auto()
    """one of the bits is set"""
    NO_BIT = auto()
    """none of the bits is set"""
    GIVEN = auto()
    """a pointer is not null"""
    ONE_OF = auto()
    """it is one of the values"""


@dataclass(frozen=True, slots=True)
class Rule:
    """A call that depends on an argument, counted from 0; `values` are bits or numbers."""

    call: str
    argument: int
    refused: Refused
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What the filter refuses; all else is allowed. `sockets` are domains with their types.

    A domain that is not in `sockets` has no socket; `absent` calls do as if the kernel had none.
    """

    refused: tuple[str, ...]
    absent: tuple[str, ...]
    rules: tuple[Rule, ...]
    sockets: tuple[tuple[int, int], ...] = ()


class FilterError(OSError):
    """The kernel would not take the filter, and did not say that it knows none."""


def program(policy: Policy, architecture: Architecture) -> list[Instruction]:
    """Write the filter for one processor."""
    written = [
        _load(_ARCH_AT),
        (EQUAL, 1, 0, architecture.audit),
        _give(KILL),
        _load(_NUMBER_AT),
        # Also every x32 call, which has bit 30 set.
        (GREATER, 0, 1, NEWEST_KNOWN),
        _give(NOT_THERE),
    ]
    for name in policy.absent:
        written += _when(name, architecture, [_give(NOT_THERE)])
    for name in policy.refused:
        written += _when(name, architecture, [_give(REFUSE)])
    for rule in policy.rules:
        written += _when(rule.call, architecture, _body(rule))
    written += _when("socket", architecture, _sockets(policy.sockets))
    return [*written, _give(ALLOW)]


def is_available(libc: ctypes.CDLL, architecture: Architecture) -> bool:
    """Whether this kernel takes filters."""
    action = ctypes.c_uint32(ERRNO)
    call = number("seccomp", architecture)
    return libc.syscall(call, _GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0


def install(
    libc: ctypes.CDLL, architecture: Architecture, instructions: Sequence[Instruction]
) -> None:
    """Put all threads under the filter, for good. Needs PR_SET_NO_NEW_PRIVS. Raises FilterError."""
    text = b"".join(struct.pack("=HBBI", *one) for one in instructions)
    buffer = ctypes.create_string_buffer(text, len(text))
    head = struct.pack("@HP", len(instructions), ctypes.addressof(buffer))
    call = number("seccomp", architecture)
    if libc.syscall(call, _SET_MODE_FILTER, _FLAG_ALL_THREADS, head) != 0:
        code = ctypes.get_errno()
        raise FilterError(code, f"the kernel refuses the filter of system calls (error {code})")


def _body(rule: Rule) -> list[Instruction]:
    at = _ARGUMENTS_AT + _ARGUMENT_BYTES * rule.argument
    match rule.refused:
        case Refused.ANY_BIT:
            (bits,) = rule.values
            return [_load(at), (ANY_BIT, 0, 1, bits), _give(REFUSE), _give(ALLOW)]
        case Refused.NO_BIT:
            (bits,) = rule.values
            return [_load(at), (ANY_BIT, 1, 0, bits), _give(REFUSE), _give(ALLOW)]
        case Refused.GIVEN:
            low = [_load(at), (EQUAL, 1, 0, 0), _give(REFUSE)]
            return [*low, _load(at + _HALF), (EQUAL, 1, 0, 0), _give(REFUSE), _give(ALLOW)]
        case Refused.ONE_OF:
            tests = [step for value in rule.values for step in _given(value, REFUSE)]
            return [_load(at), *tests, _give(ALLOW)]


def _sockets(allowed: Iterable[tuple[int, int]]) -> list[Instruction]:
    """Domain and type must match a pair; the type's flags (SOCK_CLOEXEC, ...) do not count."""
    body: list[Instruction] = []
    for domain, kind in allowed:
        types: list[Instruction] = [_load(_ARGUMENTS_AT + _ARGUMENT_BYTES), (AND, 0, 0, 0xF)]
        types += _given(kind, ALLOW)
        body += [_load(_ARGUMENTS_AT), (EQUAL, 0, len(types), domain), *types]
    return [*body, _give(REFUSE)]


def _when(name: str, architecture: Architecture, body: Sequence[Instruction]) -> list[Instruction]:
    """`body`, which always ends in an answer, for one call; nothing where there is none such."""
    call = number(name, architecture)
    return [] if call is None else [(EQUAL, 0, len(body), call), *body]


def _given(value: int, answer: int) -> list[Instruction]:
    return [(EQUAL, 0, 1, value), _give(answer)]


def _load(at: int) -> Instruction:
    return (LOAD, 0, 0, at)


def _give(answer: int) -> Instruction:
    return (RETURN, 0, 0, answer)
