"""Bytes as a line brings them: in parts of any length."""

from __future__ import annotations

from collections.abc import Iterable


def chopped(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Parts of so many bytes, as far as they go, and the rest."""
    parts = list[bytes]()
    for cut in cuts:
        parts.append(data[:cut])
        data = data[cut:]
    return [*parts, data]
