import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_gateway.people.anonymize import (
    MARKER,
    AnonymizedPicture,
    Anonymizer,
    Marker,
    encode_jpeg,
    encode_png,
)
from edge_gateway.people.background import LearningSettings
from edge_gateway.people.mask import Mask
from edge_gateway.people.picture_format import PictureFormat, check_picture
from edge_gateway.people.sketch import UNKNOWN

WIDTH, HEIGHT = 160, 120
FRAME_S = 0.25
SETTINGS = LearningSettings(settle_s=8.0)
NOBODY = np.zeros((0, 5), np.float32)
PERSON = (60, 30, 24, 60)
"""Left, top, width, height of the person in these scenes."""


def street(*, with_person: bool = False) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(7).uniform(60, 170, (12, 16, 3)).astype(np.float32)
    scene = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    if with_person:
        left, top, width, height = PERSON
        scene[top : top + height, left : left + width] = (255, 0, 255)
    return np.clip(scene, 0, 255).astype(np.uint8)


def taught(anonymizer: Anonymizer, seconds: float, *, with_person: bool = False) -> Anonymizer:
    for step in range(round(seconds / FRAME_S)):
        anonymizer.learn(street(with_person=with_person), NOBODY, step * FRAME_S)
    return anonymizer


def learnt_anonymizer() -> Anonymizer:
    return taught(Anonymizer(WIDTH, HEIGHT, SETTINGS), 20.0)


def test_before_anything_is_learnt_the_picture_does_not_depend_on_what_was_seen() -> None:
    empty, peopled = (
        taught(Anonymizer(WIDTH, HEIGHT, SETTINGS), 2.0, with_person=with_person).picture()
        for with_person in (False, True)
    )
    assert empty.known_fraction == 0
    assert np.array_equal(empty.pixels, peopled.pixels)


def test_a_marker_lies_at_the_foot_point() -> None:
    marker = Marker(x=50, y=70, height=40, direction=0.0)
    picture = learnt_anonymizer().picture([marker]).pixels
    assert np.abs(picture[70, 50].astype(int) - np.array(MARKER)).max() < 120
    without = learnt_anonymizer().picture().pixels
    rows, columns = np.nonzero(np.abs(picture.astype(int) - without).max(axis=2) > 8)
    assert (abs(rows - 70).max(), columns.min() >= 40) == (pytest.approx(3, abs=2), True)


def test_a_counting_line_is_drawn_where_it_is() -> None:
    anonymizer = learnt_anonymizer()
    plain = anonymizer.picture().pixels
    lined = anonymizer.picture(lines=[("gate", (20, 60), (140, 60))]).pixels
    assert np.any(plain[60, 20:140] != lined[60, 20:140], axis=1).all()


def test_what_the_inspector_sees_in_the_drawn_scene_is_withheld() -> None:
    found = np.array([[*PERSON, 0.4]], np.float32)
    anonymizer = Anonymizer(WIDTH, HEIGHT, SETTINGS, inspect=lambda _picture: found)
    taught(anonymizer, 20.0)
    assert anonymizer.known_fraction > 0.99
    assert anonymizer.picture().known_fraction < 0.9


def test_what_is_masked_is_blank_in_the_picture() -> None:
    window = Mask([[(100, 20), (150, 20), (150, 60), (100, 60)]], WIDTH, HEIGHT)
    anonymizer = taught(Anonymizer(WIDTH, HEIGHT, SETTINGS, mask=window), 20.0)
    picture = anonymizer.picture().pixels
    assert (picture[20:60, 100:150] == UNKNOWN).all()


def test_what_is_masked_colours_nothing_around_it() -> None:
    window = [(100.0, 20.0), (150.0, 20.0), (150.0, 60.0), (100.0, 60.0)]
    pictures: list[NDArray[np.uint8]] = []
    for behind in (0, 255):
        anonymizer = Anonymizer(WIDTH, HEIGHT, SETTINGS, mask=Mask([window], WIDTH, HEIGHT))
        frame = street()
        frame[19:62, 99:152] = behind
        for step in range(80):
            anonymizer.learn(frame, NOBODY, step * FRAME_S)
        pictures.append(anonymizer.picture().pixels)
    assert np.array_equal(pictures[0], pictures[1])


def test_nobody_but_the_anonymizer_makes_an_anonymized_picture() -> None:
    with pytest.raises(TypeError, match="made by an Anonymizer"):
        AnonymizedPicture(np.zeros((2, 2, 3), np.uint8), 1.0, object())


def test_an_anonymized_picture_cannot_be_painted_over() -> None:
    pixels = learnt_anonymizer().picture().pixels
    with pytest.raises(ValueError, match="read-only"):
        pixels[0, 0] = 0


def test_a_png_holds_the_picture_exactly_and_nothing_else() -> None:
    picture = learnt_anonymizer().picture()
    content = encode_png(picture)
    check_picture(PictureFormat.PNG, content)
    read = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
    assert np.array_equal(read, picture.pixels)


def test_a_jpeg_holds_the_picture_and_nothing_else() -> None:
    picture = learnt_anonymizer().picture()
    content = encode_jpeg(picture, quality=90)
    check_picture(PictureFormat.JPEG, content)
    read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(np.asarray(read, int) - picture.pixels).mean() < 5
