"""docs/privacy.md says what the code does, in the code's numbers."""

from pathlib import Path

import pytest

from edge_gateway.people.anonymize import INSPECT_SCORE
from edge_gateway.people.background import LearningSettings
from edge_gateway.people.counter_settings import CALIBRATION_S, CounterSettings
from edge_gateway.people.responses import UNREST_SCORE
from edge_gateway.people.sketch import COLOUR_GRID, SHORTEST_EDGE

DOCUMENT = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
ACROSS, DOWN = COLOUR_GRID
WORDS = {4: "four", 8: "eight", 6: "sixth"}
STAND_STILL_S = float(CounterSettings.model_fields["stand_still_s"].default)


@pytest.mark.parametrize(
    "said",
    [
        f"{ACROSS * DOWN} colours",
        f"{WORDS[ACROSS]} across and {WORDS[DOWN]} down",
        f"longer than\n   a {WORDS[round(1 / SHORTEST_EDGE)]} of the picture",
        f"after {LearningSettings().settle_s:g} s",
        f"`stand_still_s` ({STAND_STILL_S / 60:g} min)",
        f"score {UNREST_SCORE:g}",
        f"responds ({INSPECT_SCORE:g})",
        {10: "first ten minutes"}[round(CALIBRATION_S / 60)],
    ],
)
def test_the_document_says_what_the_code_does(said: str) -> None:
    assert said in DOCUMENT
