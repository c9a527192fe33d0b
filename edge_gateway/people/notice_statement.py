"""The data-protection text of a pole: Markdown, from the same facts and words as the sheet."""

from __future__ import annotations

from collections.abc import Iterator

from edge_gateway.people.notice_facts import CameraFacts, Facts
from edge_gateway.people.notice_words import Language, Words


def statement(facts: Facts, language: Language) -> str:
    """The whole text in one language."""
    words = Words(facts, language)
    return "\n".join(_Statement(words).lines()) + "\n"


class _Statement:
    def __init__(self, words: Words) -> None:
        self._words, self._facts = words, words.facts

    def lines(self) -> Iterator[str]:
        facts, words = self._facts, self._words
        yield f"# {self._say('title', gateway=facts.gateway)}"
        yield from ("", self._say("intro", version=facts.version))
        yield from self._section("controller", words.given("operator"), words.given("contact"))
        yield from self._section("purpose", words.given("purpose"))
        yield from self._section("legal_basis", words.given("legal_basis"))
        posted = self._say("posted_yes" if facts.is_posted else "posted_no")
        yield from self._section("notice", self._say("notice_posted", posted=posted))
        never = next((part.text for part in words.parts() if part.key == "never"), "")
        yield from self._section("method", *words.counted(), never, *words.pictures())
        yield from self._categories()
        yield from self._section("storage", self._storage())
        yield from self._section("retention", words.given("retention"))
        yield from self._heading("recipients")
        yield from (f"- {self._recipient(place)}" for place in range(len(facts.recipients)))
        yield from self._section("rights", self._say("rights_text", contact=words.given("contact")))
        yield from self._heading("measures")
        yield from (f"- {measure}" for measure in self._measures())

    def _say(self, key: str, **values: object) -> str:
        return self._words.say("statement", key, **values)

    def _heading(self, key: str) -> Iterator[str]:
        yield from ("", f"## {self._say(key)}", "")

    def _section(self, key: str, *paragraphs: str) -> Iterator[str]:
        yield from ("", f"## {self._say(key)}")
        for paragraph in filter(None, paragraphs):
            yield from ("", paragraph)

    def _categories(self) -> Iterator[str]:
        """Every field of every message that may leave the process that sees the pictures."""
        facts = self._facts
        if not facts.cameras:
            return
        forget = self._words.duration(facts.cameras[0].forget_s)
        yield from self._section("categories", self._say("camera_pictures", forget=forget))
        yield from ("", self._say("boundary"), "")
        yield f"| {self._say('message')} | {self._say('field')} | {self._say('meaning')} |"
        yield "|---|---|---|"
        for kind, fields in facts.crossing.items():
            yield f"| `{kind}` | | {self._words.meaning(kind)} |"
            for name in fields:
                yield f"| | `{name}` | {self._words.meaning(f'{kind}.{name}')} |"
        yield from ("", self._say("outside"), "")
        yield from (f"- {one}" for one in dict.fromkeys(self._outside()))

    def _outside(self) -> Iterator[str]:
        for one in self._facts.cameras:
            yield self._say("outside_counts", window=self._words.duration(one.window_s))
        yield self._say("outside_coverage")
        if any(one.pictures != "none" for one in self._facts.cameras):
            yield self._say("outside_pictures")
        yield self._say("state")

    def _storage(self) -> str:
        facts = self._facts
        return self._say("storage_text", folder=f"`{facts.outbox_folder}`", quota=facts.outbox_mb)

    def _recipient(self, place: int) -> str:
        one = self._facts.recipients[place]
        transport = self._say("transport_tls" if one.is_encrypted else "transport_clear")
        return self._say("recipient", host=one.host, port=one.port, transport=transport)

    def _measures(self) -> Iterator[str]:
        facts, words = self._facts, self._words
        if facts.cameras:
            yield self._say("measure_process")
            messages = words.say("units", "and").join(f"`{name}`" for name in facts.messages)
            yield self._say("measure_types", messages=messages)
            yield from dict.fromkeys(self._of_pictures(one) for one in facts.cameras)
            forget = words.duration(facts.cameras[0].forget_s)
            yield self._say("measure_unlinked", forget=forget)
        yield from words.held_back()
        yield self._say("measure_permission")

    def _of_pictures(self, one: CameraFacts) -> str:
        stand_still = self._words.duration(one.stand_still_s)
        return self._say("measure_anonymized", stand_still=stand_still)
