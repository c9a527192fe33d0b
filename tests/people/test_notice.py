"""The notice says what the code does: facts, words, statement."""

from __future__ import annotations

import string
import tomllib
from dataclasses import fields, replace
from importlib import resources
from typing import cast

import pytest

from edge_gateway.config import Config
from edge_gateway.people import boundary, counter_settings
from edge_gateway.people.detect import model_hash, shipped_model
from edge_gateway.people.notice_facts import Facts, NobodyIsCounted, facts_of, parts_of
from edge_gateway.people.notice_statement import statement
from edge_gateway.people.notice_words import LANGUAGES, Language, Words, untranslated
from tests.people.noticed import PRIVACY, facts


def sheet(of: Facts, language: Language = "en") -> dict[str, str]:
    return {part.key: part.text for part in Words(of, language).parts()}


# What the code says is said by the sheet.


def test_the_window_on_the_sheet_is_that_of_the_configuration() -> None:
    assert "15 minutes" in sheet(facts())["counted"]
    assert "10 minutes" in sheet(facts({"interval_s": 600}))["counted"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("none", "No picture leaves"),
        ("scene", "one in 2 hours"),
        ("calibration", "For 10 minutes after the start"),
    ],
)
def test_the_pictures_on_the_sheet_are_those_of_the_mode(mode: str, expected: str) -> None:
    camera = {"pictures": mode, "picture_interval_s": 7200}
    assert expected in sheet(facts(camera))["pictures"]


def test_the_end_of_the_calibration_pictures_is_the_code_s_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert counter_settings.CALIBRATION_S == 600
    monkeypatch.setattr("edge_gateway.people.notice_facts.CALIBRATION_S", 300.0)
    assert "For 5 minutes" in sheet(facts({"pictures": "calibration"}))["pictures"]


def test_how_long_a_walker_is_remembered_is_the_code_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_gateway.people.lines.FORGET_S", 120.0)
    assert "within 2 minutes" in sheet(facts())["never"]


def test_only_without_pictures_the_sheet_says_only_numbers_leave() -> None:
    assert "Only numbers" in sheet(facts({"pictures": "none"}))["published"]
    assert "Only numbers" not in sheet(facts({"pictures": "scene"}))["published"]


@pytest.mark.parametrize(
    ("least_count", "round_to", "expected"),
    [(10, 1, "1 to 9"), (0, 5, "1 to 2"), (10, 5, "1 to 9")],
)
def test_the_suppressed_counts_are_those_of_the_configuration(
    least_count: int, round_to: int, expected: str
) -> None:
    camera = {"least_count": least_count, "round_to": round_to}
    assert expected in sheet(facts(camera))["published"]


def test_nothing_is_said_of_suppression_where_there_is_none() -> None:
    said = sheet(facts({"least_count": 0, "round_to": 1}))["published"]
    assert ("not published" in said, "multiples" in said) == (False, False)


@pytest.mark.parametrize("side", [320, 416])
def test_the_detector_is_named_by_the_hash_of_its_file(side: int) -> None:
    said = sheet(facts({"model": side}))["where"]
    digest = model_hash(shipped_model(side))
    assert f"nanodet-g-{side}-int8" in said
    assert digest[:16] in said


def test_masks_are_said_where_there_are_some() -> None:
    mask = {"polygon": [[0, 0], [10, 0], [10, 10]]}
    assert "blacked out" in sheet(facts({"mask": [mask]}))["pictures"]
    assert "blacked out" not in sheet(facts())["pictures"]


def test_cameras_that_differ_are_told_apart() -> None:
    said = sheet(facts({"id": "east"}, {"id": "west", "interval_s": 60}))["counted"]
    assert "east: " in said
    assert "west: " in said
    assert "1 minute." in said


def test_cameras_that_are_alike_are_said_once() -> None:
    assert sheet(facts({"id": "east"}, {"id": "west"})) == sheet(facts())


def test_the_source_of_a_camera_is_nowhere() -> None:
    of = facts()
    everything = f"{of} {sheet(of)} {statement(of, 'en')}"
    assert "secret" not in everything
    assert "camera.example" not in everything


def test_every_field_that_can_leave_is_in_the_statement() -> None:
    said = statement(facts(), "en")
    for kind in parts_of(boundary.Message):
        assert f"| `{kind.__name__}` |" in said
        for field in fields(kind):
            assert f"`{field.name}`" in said


def test_a_field_without_words_is_in_the_statement_by_its_name() -> None:
    of = facts()
    with_more = {**of.crossing, "Counts": (*of.crossing["Counts"], "shoe_size")}
    assert "`shoe_size`" in statement(replace(of, crossing=with_more), "ja")


def test_the_statement_names_the_brokers() -> None:
    uplinks = [
        {"id": "city", "host": "mqtt.city.example"},
        {"id": "lab", "host": "lab.example", "port": 1883, "tls": False},
    ]
    said = statement(facts(uplink=uplinks), "en")
    assert "- mqtt.city.example (port 8883, encrypted, TLS)" in said
    assert "- lab.example (port 1883, not encrypted)" in said


def test_the_statement_says_where_counts_wait() -> None:
    said = statement(facts(outbox={"folder": "/data/outbox", "quota_mb": 77}), "en")
    assert "`/data/outbox`" in said
    assert "at most 77 MB" in said


# The words.


def table(language: str) -> dict[str, dict[str, str] | str]:
    file = resources.files("edge_gateway.people").joinpath(f"notice_{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def slots(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things_with_the_same_numbers() -> None:
    japanese, english = table("ja"), table("en")
    assert japanese.keys() == english.keys()
    for name, texts_en in english.items():
        if isinstance(texts_en, dict):
            texts_ja = cast("dict[str, str]", japanese[name])
            assert {key: slots(text) for key, text in texts_ja.items()} == {
                key: slots(text) for key, text in texts_en.items()
            }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_that_can_leave_has_words(language: Language) -> None:
    kinds = parts_of(boundary.Message)
    named = {kind.__name__ for kind in kinds}
    named |= {f"{kind.__name__}.{field.name}" for kind in kinds for field in fields(kind)}
    assert named - cast("dict[str, str]", table(language)["fields"]).keys() == set()


# By hand: 900 s are 15 minutes, 5400 s an hour and a half, 86400 s a day.
@pytest.mark.parametrize(
    ("seconds", "english", "japanese"),
    [
        (1, "1 second", "1秒"),
        (900, "15 minutes", "15分"),
        (5400, "1 hour, 30 minutes", "1時間、30分"),
        (86_400, "1 day", "1日"),
    ],
)
def test_durations_are_said_in_whole_units(seconds: float, english: str, japanese: str) -> None:
    of = facts()
    assert Words(of, "en").duration(seconds) == english
    assert Words(of, "ja").duration(seconds) == japanese


def test_the_operator_s_own_japanese_is_used_where_it_is_given() -> None:
    words = Words(facts(), "ja")
    assert (words.given("purpose"), words.given("contact")) == (
        "歩道幅員の検討",
        "roads@city.example",
    )


def test_what_is_not_given_in_japanese_is_told() -> None:
    assert list(untranslated(facts().permission)) == [
        "legal_basis_ja",
        "contact_ja",
        "retention_ja",
    ]


def test_nothing_counts_people_without_a_device_that_does() -> None:
    config = Config.model_validate(
        {"gateway": {"id": "pole-1"}, "uplink": {"host": "broker.example"}, "privacy": PRIVACY}
    )
    with pytest.raises(NobodyIsCounted, match="nothing counts people at pole-1"):
        facts_of(config, "1")
