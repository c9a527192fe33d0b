"""A drawn street with walkers: pictures to measure with where there is no camera."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge_gateway.people.frame import Frame, Picture

WIDTH, HEIGHT = 768, 576
FRAME_RATE = 10.0
WALKERS = 8
_PAVED_FROM = HEIGHT // 3
_SPEED_HEIGHTS_S = 0.8  # body heights a second: an ordinary walk
_STRIDE_HZ = 1.8


class DrawnStreet:
    """Eight figures walking across a paved place, the same at every run."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        self._empty = _empty(random)
        self._noise = random.integers(0, 6, (4, HEIGHT, WIDTH, 3), np.uint8)
        self._feet = random.uniform(_PAVED_FROM + 70, HEIGHT - 10, WALKERS)
        self._starts = random.uniform(0, WIDTH, WALKERS)
        self._ways = random.choice([-1.0, 1.0], WALKERS)
        self._coats = random.integers(20, 160, (WALKERS, 3))

    def frame(self, number: int) -> Frame:
        """Draw the picture with this number, from 1."""
        time_s = (number - 1) / FRAME_RATE
        picture = self._empty + self._noise[number % len(self._noise)]
        for walker in np.argsort(self._feet).tolist():
            foot_y = float(self._feet[walker])
            height = 0.22 * foot_y
            way = float(self._ways[walker]) * _SPEED_HEIGHTS_S * height
            margin = WIDTH + height
            x = (float(self._starts[walker]) + way * time_s) % margin - height / 2
            coat = [float(level) for level in self._coats[walker]]
            _walker(picture, (x, foot_y), height, coat, time_s + walker)
        return Frame(number, time_s, picture)


def _empty(random: np.random.Generator) -> Picture:
    """A grey pavement with joints under a paler wall."""
    picture = np.full((HEIGHT, WIDTH, 3), (150, 155, 160), np.uint8)
    picture[:_PAVED_FROM] = (185, 180, 170)
    for y in range(_PAVED_FROM, HEIGHT, 24):
        picture[y : y + 2] = (120, 125, 130)
    for x in range(0, WIDTH, 64):
        picture[_PAVED_FROM:, x : x + 2] = (125, 130, 135)
        picture[60:140, x + 12 : x + 44] = (110, 95, 80)
    grain = random.integers(0, 20, picture.shape, np.uint8)
    return np.asarray(cv2.subtract(picture, grain), np.uint8)


def _walker(
    picture: Picture, foot: tuple[float, float], height: float, coat: list[float], time_s: float
) -> None:
    """Draw head, coat, arms and striding legs, from the ground up."""
    x, y = foot
    swing = 0.16 * height * math.sin(2 * math.pi * _STRIDE_HZ / 2 * time_s)
    trousers, skin = (60, 50, 45), (120, 150, 195)
    thick = max(2, round(height / 11))
    hip, neck = (round(x), round(y - 0.48 * height)), (round(x), round(y - 0.82 * height))
    for side in (swing, -swing):
        cv2.line(picture, hip, (round(x + side), round(y)), trousers, thick, cv2.LINE_AA)
    body = (round(0.11 * height), round(0.2 * height))
    cv2.ellipse(
        picture, (round(x), round(y - 0.64 * height)), body, 0, 0, 360, coat, -1, cv2.LINE_AA
    )
    for side in (swing, -swing):
        hand = (round(x + 0.7 * side), round(y - 0.45 * height))
        cv2.line(picture, neck, hand, coat, max(2, thick // 2), cv2.LINE_AA)
    head = (round(x), round(y - 0.91 * height))
    cv2.circle(picture, head, max(2, round(0.07 * height)), skin, -1, cv2.LINE_AA)
    cv2.ellipse(picture, head, (thick // 2 + 2,) * 2, 0, 180, 360, trousers, -1, cv2.LINE_AA)
