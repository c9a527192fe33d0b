"""What is known of a value, as words for formats that have none of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from edge_gateway.outbox import Mark
from edge_gateway.reading import Flag

SUPPRESSED: Final = "suppressed"
"""The reason of a count that is known and not said, because it is small: neither zero nor lost."""

_WORDS = {flag: flag.name.lower() for flag in Flag}
_BY_BADNESS = ("good", "not_evaluated", "suspect", SUPPRESSED, "missing", "fail")


def word(mark: Mark) -> str:
    """good, not_evaluated, suspect, fail, missing or suppressed."""
    if mark.flag is Flag.MISSING and SUPPRESSED in mark.reasons:
        return SUPPRESSED
    return _WORDS[mark.flag]


def words(mark: Mark) -> str:
    """The word and behind a colon the reasons, parted by commas: `suspect:step`."""
    reasons = reasons_beside(mark)
    return f"{word(mark)}:{','.join(reasons)}" if reasons else word(mark)


def reasons_beside(mark: Mark) -> Sequence[str]:
    """The reasons that the word itself does not say."""
    if word(mark) != SUPPRESSED:
        return mark.reasons
    return [reason for reason in mark.reasons if reason != SUPPRESSED]


def worst(marks: Iterable[Mark]) -> str:
    """The worst word among the marks; good where there are none."""
    return max((word(mark) for mark in marks), key=_BY_BADNESS.index, default="good")


def worst_of(marks: Sequence[Mark]) -> Mark:
    """The mark that `worst` names; of several the first. Raises ValueError where there are none."""
    return max(marks, key=lambda mark: _BY_BADNESS.index(word(mark)))
