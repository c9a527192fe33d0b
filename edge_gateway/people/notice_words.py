"""The words of the notice in Japanese and English: texts from two tables, numbers from facts."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, Literal, TypeAlias, get_args

from edge_gateway.config import PrivacyConfig
from edge_gateway.people.notice_facts import CameraFacts, Facts

Language: TypeAlias = Literal["ja", "en"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

SAID: Final = ("purpose", "operator", "legal_basis", "contact", "retention")
"""Keys of `[privacy]` that are printed, and may be given in Japanese too."""

_HASH_DIGITS: Final = 16
_UNITS: Final = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))

_Sentence: TypeAlias = Callable[[CameraFacts], str | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One heading of the sheet and what stands under it, in one language."""

    key: str
    heading: str
    sentences: tuple[str, ...]

    joint: str

    @property
    def text(self) -> str:
        """All sentences."""
        return self.joint.join(self.sentences)


class Words:
    """What a notice says in one language."""

    def __init__(self, facts: Facts, language: Language) -> None:
        self.facts = facts
        self.language: Language = language
        self._tables = _tables(language)

    def say(self, table: str, key: str, **words: object) -> str:
        """A text of the language's table with words put into its braces."""
        return str(self._tables[table][key]).format(**words)

    def duration(self, seconds: float) -> str:
        """In the largest units that are whole: 900 is `15 minutes`."""
        rest, said = round(seconds), list[str]()
        for unit, length in _UNITS:
            count, rest = divmod(rest, length)
            if count:
                said.append(self.say("units", unit if count == 1 else f"{unit}s", n=count))
        return self.say("units", "and").join(said) or self.say("units", "seconds", n=0)

    def given(self, key: str) -> str:
        """What the operator wrote under a key of `[privacy]`, in this language if it is there."""
        permission = self.facts.permission
        own = getattr(permission, f"{key}_ja") if self.language == "ja" else None
        return str(own or getattr(permission, key))

    def meaning(self, field: str) -> str:
        """What a message or a field of one means; its bare name where the table has no words."""
        return str(self._tables["fields"].get(field, field))

    def parts(self) -> list[Part]:
        """The parts of the sheet, in order."""
        named: list[tuple[str, Sequence[str]]] = [
            ("counted", self.counted()),
            ("never", self._each(lambda one: self.say("text", "never", forget=self._forget(one)))),
            ("pictures", self.pictures()),
            ("where", self._each(self._where)),
            ("published", self.published()),
            ("retention", [self._closed("retention"), self._stored()]),
            *((key, [self.given(key)]) for key in ("purpose", "operator", "legal_basis")),
        ]
        return [
            Part(key, self.say("heading", key), tuple(sentences), self.say("units", "joint"))
            for key, sentences in named
            if sentences
        ]

    def counted(self) -> list[str]:
        """What each device counts."""
        others = [
            self.say("text", "other", device=one.device, title=one.title)
            for one in self.facts.others
        ]
        return [*self._each(self._counted), *others]

    def pictures(self) -> list[str]:
        """Which pictures leave, and what is masked in them."""
        return [*self._each(self._pictures), *self._each(self._masks)]

    def published(self) -> list[str]:
        """What leaves the pole, and what of it is held back."""
        return [*self._each(self._published), *self.held_back()]

    def held_back(self) -> list[str]:
        """Which counts are not said, and how the others are rounded."""
        return [*self._each(self._suppressed), *self._each(self._rounded)]

    def _each(self, sentence: _Sentence) -> list[str]:
        """A sentence of all cameras once where it is the same, else of each with its name."""
        said = {one.device: sentence(one) for one in self.facts.cameras}
        if len(set(said.values())) == 1:
            return [text for text in list(said.values())[:1] if text]
        mark = self.say("units", "mark")
        return [f"{device}{mark}{text}" for device, text in said.items() if text]

    def _counted(self, one: CameraFacts) -> str:
        key = {
            (True, True): "lines_and_zones",
            (True, False): "lines",
            (False, True): "zones",
            (False, False): "nothing_drawn",
        }[bool(one.lines), bool(one.zones)]
        window = self.duration(one.window_s)
        return self.say("text", key, lines=one.lines, zones=one.zones, window=window)

    def _pictures(self, one: CameraFacts) -> str:
        return self.say(
            "text",
            f"pictures_{one.pictures}",
            interval=self.duration(one.picture_interval_s),
            calibration=self.duration(one.calibration_s),
            calibration_interval=self.duration(one.calibration_interval_s),
        )

    def _masks(self, one: CameraFacts) -> str | None:
        return self.say("text", "masks", masks=one.masks) if one.masks else None

    def _where(self, one: CameraFacts) -> str:
        return self.say("text", "where", model=one.model, hash=one.model_sha256[:_HASH_DIGITS])

    def _published(self, one: CameraFacts) -> str:
        key = "published_only" if one.pictures == "none" else "published"
        return self.say("text", key, window=self.duration(one.window_s))

    def _suppressed(self, one: CameraFacts) -> str | None:
        below = max(one.least_count - 1, one.round_to // 2)
        return self.say("text", "suppressed", below=below) if below else None

    def _rounded(self, one: CameraFacts) -> str | None:
        round_to = one.round_to
        return self.say("text", "rounded", round_to=round_to) if round_to > 1 else None

    def _forget(self, one: CameraFacts) -> str:
        return self.duration(one.forget_s)

    def _closed(self, key: str) -> str:
        """What was given, as a sentence that another may follow."""
        given, stop = self.given(key), self.say("units", "stop")
        return given if given.endswith((".", stop)) else given + stop

    def _stored(self) -> str:
        return self.say("text", "stored", quota=self.facts.outbox_mb)


def untranslated(permission: PrivacyConfig) -> Iterator[str]:
    """Keys of `[privacy]` whose Japanese is not given: the sheet then shows the other text."""
    for key in SAID:
        text = str(getattr(permission, key))
        if getattr(permission, f"{key}_ja") is None and text.isascii():
            yield f"{key}_ja"


@cache
def _tables(language: Language) -> dict[str, Any]:
    file = resources.files("edge_gateway.people").joinpath(f"notice_{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))
