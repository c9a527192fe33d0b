import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_gateway.people.background import Background, LearningSettings
from edge_gateway.people.cells import spread

WIDTH, HEIGHT = 160, 120
CELLS = (60, 80)
"""Rows and columns: a cell is 2 x 2 pixels in so small a picture."""
FRAME_S = 0.25
SETTLE_S = 8.0
REPLACE_S = 60.0
MAGENTA = (255, 0, 255)
"""A colour that nothing in the scene comes near, so that a single leaked pixel shows."""
PERSON = (60, 30, 24, 60)
"""Left, top, width, height of the person in these scenes."""
SETTINGS = LearningSettings(settle_s=SETTLE_S, replace_s=REPLACE_S)


class Street:
    """A background, fed with frames of a made street and the people in it."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        coarse = rng.uniform(60, 170, (12, 16, 1)) + rng.uniform(-10, 10, (12, 16, 3))
        coarse = coarse.astype(np.float32)
        self.scene = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        self.background = Background(WIDTH, HEIGHT, SETTINGS)
        self.time_s = 0.0
        self._rng = rng

    def frame(
        self, person: tuple[int, int, int, int] | None = None, light: float = 1.0
    ) -> NDArray[np.uint8]:
        picture = self.scene * light
        if person is not None:
            left, top, width, height = person
            picture[max(top, 0) : top + height, max(left, 0) : left + width] = MAGENTA
        noise = self._rng.normal(0, 1.5, picture.shape)
        return np.clip(picture + noise, 0, 255).astype(np.uint8)

    def watch(
        self,
        seconds: float,
        person: tuple[int, int, int, int] | None = None,
        score: float | None = None,
        light: float = 1.0,
    ) -> None:
        """See a person, or nobody, for a while; the detector responds if `score` is given."""
        boxes = np.zeros((0, 5), np.float32)
        if score is not None and person is not None:
            boxes = np.array([[*person, score]], np.float32)
        for _frame in range(round(seconds / FRAME_S)):
            self.background.learn(self.frame(person, light), boxes, self.time_s)
            self.time_s += FRAME_S

    def known(self) -> float:
        return float(np.mean(self.background.known))

    def known_at(self, person: tuple[int, int, int, int]) -> float:
        left, top, width, height = (side // 2 for side in person)
        return float(np.mean(self.background.known[top : top + height, left : left + width]))

    def magenta(self) -> int:
        """Count the learnt pixels nearer to the person's colour than anything in the scene is."""
        blue, green, red = cv2.split(self.background.picture.astype(np.int16))
        return int(np.count_nonzero((blue - green > 90) & (red - green > 90)))


def test_nothing_is_known_before_it_was_still_for_the_time_to_settle() -> None:
    street = Street()
    street.watch(SETTLE_S)
    assert street.known() == 0


def test_an_empty_scene_is_learnt_as_it_is() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    assert street.known() > 0.99
    known = spread(street.background.known, 2) > 0
    assert np.abs(street.background.picture - street.scene)[known].max() < 6


def test_a_passer_by_whom_the_detector_misses_leaves_no_pixel() -> None:
    street = Street()
    for left in range(-24, WIDTH, 4):
        street.watch(FRAME_S, (left, 30, 24, 60))
        assert street.magenta() == 0
    street.watch(3 * SETTLE_S)
    assert street.magenta() == 0
    assert street.known() > 0.99


def test_a_passer_by_does_not_take_a_learnt_scene_away() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    for left in range(-24, WIDTH, 4):
        street.watch(FRAME_S, (left, 30, 24, 60))
    assert street.known() > 0.99
    assert street.magenta() == 0


def test_a_person_before_a_learnt_scene_changes_it_by_no_pixel() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    before = street.background.picture.astype(int)
    street.watch(2.0, PERSON)
    assert np.abs(street.background.picture - before).max() <= 2


@pytest.mark.parametrize("score", [0.15, 0.9])
def test_who_stands_from_the_first_frame_stays_out_while_the_detector_responds(
    score: float,
) -> None:
    street = Street()
    street.watch(8 * SETTLE_S, PERSON, score)
    assert street.known_at(PERSON) == 0
    assert street.magenta() == 0
    assert street.known() > 0.5


def test_who_sways_stays_out_though_the_detector_is_blind() -> None:
    street = Street()
    left, top, width, height = PERSON
    for step in range(int(8 * SETTLE_S)):
        sway = round(2 * math.sin(step))
        street.watch(1.0, (left + sway, top, width, height))
    assert street.magenta() == 0
    assert street.known() > 0.5


def test_a_newcomer_who_stands_still_unseen_is_withheld_for_the_time_to_replace() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.watch(3 * SETTLE_S, PERSON)
    assert street.known_at(PERSON) == 0
    street.watch(REPLACE_S - 4 * SETTLE_S, PERSON)
    assert street.known_at(PERSON) == 0
    assert street.magenta() == 0


def test_what_was_left_behind_is_learnt_after_the_time_to_replace() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.watch(REPLACE_S + 5 * SETTLE_S, PERSON)
    assert street.known_at(PERSON) > 0.9


def test_a_newcomer_whom_the_detector_sees_does_not_take_the_scene_behind_away() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.watch(5 * SETTLE_S, PERSON, 0.9)
    assert street.known_at(PERSON) > 0.9
    assert street.magenta() == 0


def test_somebody_learnt_by_mistake_is_withdrawn_as_soon_as_the_detector_sees_him() -> None:
    street = Street()
    street.watch(3 * SETTLE_S, PERSON)
    assert street.magenta() > 0
    street.watch(2.0, PERSON, 0.5)
    assert street.magenta() == 0


def test_somebody_learnt_by_mistake_is_withdrawn_when_he_leaves() -> None:
    street = Street()
    street.watch(3 * SETTLE_S, PERSON)
    assert street.magenta() > 0
    street.watch(2 * SETTLE_S)
    assert street.magenta() == 0


def test_the_scene_is_withheld_at_once_when_something_else_is_before_the_camera() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.scene = street.scene[:, ::-1].copy()
    street.watch(FRAME_S)
    assert street.known() == 0


def test_who_comes_so_near_that_the_scene_is_withheld_is_not_learnt_with_it() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    near = (84, 0, 76, HEIGHT)
    street.watch(3 * SETTLE_S, near)
    assert 0.3 < street.known() < 0.53
    assert street.magenta() == 0


def test_the_scene_is_withheld_at_once_when_the_camera_is_knocked() -> None:
    street = Street()
    street.scene[30:90, 20:140:10] = 20
    street.watch(2 * SETTLE_S)
    street.scene = np.roll(street.scene, 6, axis=1)
    street.watch(FRAME_S)
    assert street.known() == 0


def test_a_light_that_changes_for_all_alike_does_not_take_the_scene_away() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.watch(SETTLE_S, light=0.8)
    assert street.known() > 0.95


def test_known_pixels_follow_the_light_of_the_day() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    for percent in range(100, 84, -2):
        street.watch(12.0, light=percent / 100)
    assert street.known() > 0.95
    known = spread(street.background.known, 2) > 0
    ratio = street.background.picture[known].mean() / street.scene[known].mean()
    assert ratio == pytest.approx(0.86, abs=0.03)


def test_a_time_without_frames_is_not_a_time_of_stillness() -> None:
    street = Street()
    street.watch(1.0)
    street.time_s += 3600
    street.watch(1.0)
    assert street.known() == 0


def test_forgetting_withholds_everything() -> None:
    street = Street()
    street.watch(2 * SETTLE_S)
    street.background.forget()
    assert street.known() == 0
    assert street.background.picture.max() == 0


def test_a_frame_of_another_size_is_refused() -> None:
    background = Background(WIDTH, HEIGHT, SETTINGS)
    with pytest.raises(ValueError, match="promised"):
        background.learn(
            np.zeros((HEIGHT, WIDTH // 2, 3), np.uint8), np.zeros((0, 5), np.float32), 0.0
        )


def test_settings_that_would_let_a_passer_by_in_are_refused() -> None:
    with pytest.raises(ValueError, match="settle_s"):
        LearningSettings(settle_s=1.0)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-80, 200, width=32),
            st.floats(-80, 200, width=32),
            st.floats(0, 400, width=32),
            st.floats(0, 400, width=32),
            st.floats(0.25, 1, width=32),
        ),
        max_size=4,
    )
)
def test_no_cell_under_a_response_is_ever_learnt(
    boxes: list[tuple[float, float, float, float, float]],
) -> None:
    background = Background(WIDTH, HEIGHT, LearningSettings(settle_s=3.0))
    frame = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    responses = np.array(boxes, np.float32).reshape(-1, 5)
    covered = np.zeros(CELLS, np.bool_)
    for left, top, width, height, _score in responses.tolist():
        edges = np.clip(np.array([left, top, left + width, top + height]) / 2, 0, 80)
        x0, y0, x1, y1 = np.rint(edges).astype(int).tolist()
        covered[y0:y1, x0:x1] = True
    for step in range(16):
        background.learn(frame, responses, step * 0.5)
        assert not (background.known & covered).any()
