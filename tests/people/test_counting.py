"""Detector, tracker and lines together, on made-up walkers."""

from __future__ import annotations

import numpy as np
import pytest

from edge_gateway.people.counting import PeopleCounter, Totals, totals
from edge_gateway.people.detect import LOWEST_SCORE, Boxes, Picture
from edge_gateway.people.lines import Crossing, Direction, Line

GATE = Line("gate", (300, 0), (300, 576))
FAR = Line("far", (700, 0), (700, 576))
BLANK = np.zeros((576, 768, 3), np.uint8)

MISSED, FALSE_A_FRAME, JITTER_PX = 0.1, 3, 3.0


class Walkers:
    """A detector of made-up people: (first frame, x there, px a frame, foot y).

    It errs as a real one does: jitter, one person in ten missed, unsure false boxes.
    """

    def __init__(self, people: list[tuple[int, float, float, float]], seed: int = 1) -> None:
        self.people = people
        self.frame = 0
        self.rng = np.random.default_rng(seed)

    def detect(self, frame: Picture, min_score: float = LOWEST_SCORE) -> Boxes:
        assert frame.shape == (576, 768, 3)
        rows = [
            (x - 15, foot_y - 80, 30, 80, 0.75)
            for first, start, speed, foot_y in self.people
            if 0 <= (x := start + speed * (self.frame - first)) <= 768
            and self.frame >= first
            and self.rng.random() > MISSED
        ]
        rows += [
            (x, y, 30, 80, 0.3) for x, y in self.rng.uniform((0, 0), (730, 490), (FALSE_A_FRAME, 2))
        ]
        boxes = np.array(rows, np.float32)
        boxes[:, :4] += self.rng.normal(0, JITTER_PX, (len(rows), 4))
        return boxes[boxes[:, 4] >= min_score]


def count(walkers: Walkers, lines: list[Line], *, frames: int, every: int = 1) -> list[Crossing]:
    counter = PeopleCounter(walkers, lines)
    crossings: list[Crossing] = []
    for frame in range(1, frames + 1, every):
        walkers.frame = frame
        crossings += counter.update(BLANK, frame, (frame - 1) / 10).crossings
    return crossings


@pytest.mark.parametrize("every", [1, 2, 3])
def test_walkers_both_ways_are_counted(every: int) -> None:
    # Three to the right (forward: to the left hand of a line drawn downwards), one to the left.
    walkers = Walkers([(1, 20, 6, 200), (20, 10, 5, 330), (40, 15, 6, 450), (10, 740, -5, 540)])

    counted = totals(count(walkers, [GATE, FAR], frames=150, every=every), [GATE, FAR])

    # In frame 150 the first has left (x = 914), the others stand at x = 660 and 675.
    assert counted == {"gate": Totals(3, 1), "far": Totals(1, 1)}


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_crossing_is_stamped_with_when_it_happened(every: int) -> None:
    # x = 20 + 6 (frame - 1) reaches 300 in frame 47.7, that is at 4.67 s.
    (crossing,) = count(Walkers([(1, 20, 6, 300)]), [GATE], frames=90, every=every)

    assert crossing.time_s == pytest.approx(4.67, abs=0.15)
    assert crossing.frame == pytest.approx(47.7, abs=every)


def test_a_crossing_within_the_first_half_second_is_counted() -> None:
    # x = 290 + 6 (frame - 1): over the line in frame 3, long before the trial of 0.7 s is over.
    (crossing,) = count(Walkers([(1, 290, 6, 300)]), [GATE], frames=40)

    assert crossing.frame <= 4


def test_standing_on_the_line_counts_nobody() -> None:
    assert count(Walkers([(1, 300, 0, 300)]), [GATE], frames=300) == []


def test_a_frame_gives_the_boxes_of_the_detector_down_to_a_low_score() -> None:
    walkers = Walkers([(1, 100, 0, 300)])
    walkers.frame = 1

    counted = PeopleCounter(walkers, [GATE]).update(BLANK, 1, 0.0)

    assert counted.boxes[:, 4].min() == pytest.approx(0.3)


def test_totals_have_a_row_for_each_line_even_where_nobody_passed() -> None:
    crossings = [
        Crossing(1, 0.0, "gate", Direction.FORWARD, 1),
        Crossing(2, 0.1, "gate", Direction.FORWARD, 2),
        Crossing(3, 0.2, "gate", Direction.BACKWARD, 1),
    ]

    assert totals(crossings, [FAR, GATE]) == {"far": Totals(0, 0), "gate": Totals(2, 1)}
