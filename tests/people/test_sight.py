"""Sight on a place made here, with the faults of lens and light put in; times are its own."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final, TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_gateway.people.boundary import SourceState
from edge_gateway.people.detail import bands_of, likeness, shift_between, small_copy
from edge_gateway.people.frame import Picture
from edge_gateway.people.sight import Sight, View

Fault: TypeAlias = Callable[[Picture, np.random.Generator], Picture]

WIDTH, HEIGHT = 256, 192
RATE: Final = 3.2
FAULT_S, REPAIR_S, END_S = 8.0, 17.0, 22.0
_NOISE: Final = 2.0


def place(seed: int = 3) -> Picture:
    """A street: houses with windows, a kerb, poles, and rough ground."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for _ in range(60):
        x, y = (int(v) for v in random.integers(0, (WIDTH, HEIGHT)))
        w, h = (int(v) for v in random.integers(6, 40, 2))
        level = int(random.integers(30, 220))
        cv2.rectangle(picture, (x, y), (x + w, y + h), (level, level, level), -1)
    grain = random.integers(-12, 13, picture.shape, np.int16)
    return np.asarray(np.clip(picture.astype(np.int16) + grain, 0, 255), np.uint8)


def watched(
    fault: Fault, *, before: Fault | None = None, hidden: NDArray[np.bool_] | None = None
) -> list[tuple[float, View]]:
    """Look at the place, then at it with the fault, then at it again, people walking always."""
    random = np.random.default_rng(1)
    sight, street = Sight(hidden), place()
    views: list[tuple[float, View]] = []
    for k in range(round(END_S * RATE)):
        time_s = k / RATE
        picture = street.copy()
        x = (9 * k) % WIDTH
        cv2.rectangle(picture, (x, 80), (x + 17, 140), (60, 40, 90), -1)
        if before is not None:
            picture = before(picture, random)
        if FAULT_S <= time_s < REPAIR_S:
            picture = fault(picture, random)
        if hidden is not None:
            picture[hidden] = 0
        views.append((time_s, sight.look(noisy(picture, random), time_s)))
    return views


def noisy(picture: Picture, random: np.random.Generator, spread: float = _NOISE) -> Picture:
    """Add a sensor's noise."""
    noise = random.standard_normal(picture.shape, np.float32) * spread
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def dimmed(gain: float) -> Fault:
    return lambda picture, _random: np.asarray(picture * gain, np.uint8)


def blurred(deviation: float) -> Fault:
    """A blur of so many 768ths of the width."""

    def blur(picture: Picture, _random: np.random.Generator) -> Picture:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), deviation * WIDTH / 768), np.uint8)

    return blur


def covered(share: float) -> Fault:
    """Something near the lens over this share of the picture: smooth, and lit from the side."""

    def cover(picture: Picture, _random: np.random.Generator) -> Picture:
        seen = picture.copy()
        edge = round(share * WIDTH)
        seen[:, :edge] = np.linspace(90, 150, WIDTH)[:edge, np.newaxis].astype(np.uint8)
        return seen

    return cover


def shifted(right: int, down: int) -> Fault:
    def shift(picture: Picture, _random: np.random.Generator) -> Picture:
        return np.asarray(np.roll(picture, (down, right), (0, 1)), np.uint8)

    return shift


def shaken(most: int) -> Fault:
    def shake(picture: Picture, random: np.random.Generator) -> Picture:
        right, down = (int(v) for v in random.integers(-most, most + 1, 2))
        return np.asarray(np.roll(picture, (down, right), (0, 1)), np.uint8)

    return shake


def raining(picture: Picture, random: np.random.Generator) -> Picture:
    seen = picture.copy()
    for x, y in random.integers(0, (WIDTH, HEIGHT), (250, 2)).tolist():
        cv2.line(seen, (x, y), (x + 1, y + 9), (210, 210, 210), 1)
    return seen


def foggy(picture: Picture, _random: np.random.Generator) -> Picture:
    return np.asarray(picture * 0.4 + 130, np.uint8)


def grainy(picture: Picture, random: np.random.Generator) -> Picture:
    return noisy(picture, random, 25.0)


def clocked(fault: Fault) -> Fault:
    """The fault behind a clock that the camera writes into its pictures."""

    def write(picture: Picture, random: np.random.Generator) -> Picture:
        seen = np.array(fault(picture, random))
        cv2.putText(seen, "2026-11-22 23:59", (4, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (255,) * 3)
        return seen

    return write


@pytest.mark.parametrize(
    ("fault", "state", "within_s"),
    [
        (dimmed(0.0), SourceState.DARK, 2.5),
        (dimmed(0.05), SourceState.DARK, 2.5),
        (covered(1.0), SourceState.BLOCKED, 3.5),
        (covered(0.8), SourceState.BLOCKED, 3.5),
        (clocked(covered(1.0)), SourceState.BLOCKED, 3.5),
        (blurred(6), SourceState.BLURRED, 6.0),
        (blurred(10), SourceState.BLURRED, 6.0),
        (clocked(blurred(8)), SourceState.BLURRED, 6.0),
    ],
)
def test_a_fault_is_found_within_seconds_and_named(
    fault: Fault, state: SourceState, within_s: float
) -> None:
    views = watched(fault)
    found = [(t, view.state) for t, view in views if view.state is not SourceState.SEEING]
    assert found
    assert found[0][0] - FAULT_S <= within_s
    assert {name for _, name in found} == {state}
    assert REPAIR_S <= found[-1][0] <= REPAIR_S + 2.5


@pytest.mark.parametrize(
    "fault",
    [covered(1.0), dimmed(0.03)],
)
def test_doubt_begins_with_the_fault(fault: Fault) -> None:
    first = next(t for t, view in watched(fault) if view.doubtful)
    assert FAULT_S <= first <= FAULT_S + 0.6


@pytest.mark.parametrize(
    "weather",
    [dimmed(1.0), dimmed(0.3), raining, foggy, grainy, shaken(2), covered(0.3), blurred(2)],
)
def test_weather_night_and_people_are_no_fault(weather: Fault) -> None:
    views = watched(weather)
    assert {view.state for _, view in views} == {SourceState.SEEING}
    assert not [t for t, view in views if view.moved]


def test_a_hand_that_passes_is_doubted_and_forgotten() -> None:
    random = np.random.default_rng(2)
    sight, street = Sight(), place()
    views: list[View] = []
    for k in range(100):
        there = 50 <= k < 56
        picture = covered(1.0)(street, random) if there else street
        views.append(sight.look(noisy(picture, random), k / RATE))
    assert any(view.doubtful for view in views[50:60])
    assert not views[-1].doubtful
    assert {view.state for view in views} == {SourceState.SEEING}


@pytest.mark.parametrize("gain", [1.0, 0.4, 0.25])
def test_a_blur_is_found_by_day_and_in_the_dim(gain: float) -> None:
    views = watched(blurred(8), before=dimmed(gain))
    found = next(t for t, view in views if view.state is SourceState.BLURRED)
    assert FAULT_S < found < FAULT_S + 6.5


@pytest.mark.parametrize("fault", [dimmed(0.0), covered(1.0), blurred(8)])
def test_a_camera_that_starts_blind_is_found_too(fault: Fault) -> None:
    random = np.random.default_rng(4)
    sight, street = Sight(), place()
    views = [sight.look(noisy(fault(street, random), random), k / RATE) for k in range(30)]
    assert views[-1].state is not SourceState.SEEING


@pytest.mark.parametrize("fault", [shifted(8, -4), shifted(30, 0), shifted(-12, 12)])
def test_a_camera_that_was_moved_says_so_once_each_way(fault: Fault) -> None:
    moved = [t for t, view in watched(fault) if view.moved]
    assert len(moved) == 2
    assert FAULT_S + 2 <= moved[0] <= FAULT_S + 4
    assert REPAIR_S + 2 <= moved[1] <= REPAIR_S + 4


def test_a_mask_with_its_sharp_edges_hides_no_fault() -> None:
    hidden = np.zeros((HEIGHT, WIDTH), np.bool_)
    hidden[:, :106] = True
    hidden[133:, 200:] = True
    views = watched(blurred(8), hidden=hidden)
    assert SourceState.BLURRED in {view.state for _, view in views}
    assert {v.state for _, v in watched(covered(1.0), hidden=hidden)} >= {SourceState.BLOCKED}
    assert {v.state for t, v in views if t < FAULT_S} == {SourceState.SEEING}


def test_states_change_no_more_often_than_they_must() -> None:
    for fault in (blurred(7), covered(0.9), dimmed(0.06)):
        states = [view.state for _, view in watched(fault)]
        assert sum(one is not other for one, other in pairwise(states)) == 2


def test_a_shift_is_measured_in_pixels_of_the_small_copy() -> None:
    one, other = place(), np.roll(place(), (-5, 11), (0, 1))
    first, second = bands_of(small_copy(one)), bands_of(small_copy(np.asarray(other)))
    assert shift_between(first.coarse, second.coarse) == (8, -4)


def test_a_place_is_like_itself_in_other_light_and_unlike_another() -> None:
    here, dim, there = place(), np.asarray(place() * 0.3, np.uint8), place(9)
    bands = [bands_of(small_copy(picture)).coarse for picture in (here, dim, there)]
    assert likeness(bands[0], bands[1]) > 0.9
    assert abs(likeness(bands[0], bands[2])) < 0.3
