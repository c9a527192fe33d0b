import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge_gateway.people.mask import Mask

WIDTH, HEIGHT = 64, 48
WINDOW = ((10.0, 5.0), (30.0, 5.0), (30.0, 20.0), (10.0, 20.0))

corner = st.tuples(st.floats(-40, 100), st.floats(-40, 90))
place = st.tuples(st.floats(0, WIDTH - 1), st.floats(0, HEIGHT - 1))


def picture(value: int = 200) -> NDArray[np.uint8]:
    return np.full((HEIGHT, WIDTH, 3), value, np.uint8)


def test_what_lies_in_a_polygon_is_black() -> None:
    assert Mask([WINDOW], WIDTH, HEIGHT).apply(picture())[5:21, 10:31].max() == 0


def test_what_lies_farther_than_a_pixel_from_a_polygon_is_untouched() -> None:
    masked = Mask([WINDOW], WIDTH, HEIGHT).apply(picture())
    masked[4:22, 9:32] = 200
    assert masked.min() == 200


def test_the_picture_itself_is_blacked_out_so_that_no_other_is_left() -> None:
    seen = picture()
    assert Mask([WINDOW], WIDTH, HEIGHT).apply(seen) is seen


def test_a_read_only_picture_is_masked_in_a_copy() -> None:
    seen = picture()
    seen.setflags(write=False)
    assert Mask([WINDOW], WIDTH, HEIGHT).apply(seen)[10, 20].max() == 0


def test_no_polygon_masks_nothing() -> None:
    mask = Mask([], WIDTH, HEIGHT)
    assert (bool(mask), mask.apply(picture()).min()) == (False, 200)


def test_two_polygons_that_overlap_do_not_uncover_each_other() -> None:
    assert Mask([WINDOW, WINDOW], WIDTH, HEIGHT).apply(picture())[12, 20].max() == 0


def test_a_polygon_that_crosses_itself_covers_its_middle_too() -> None:
    pentagram = [(32, 2), (46, 44), (8, 18), (56, 18), (18, 44)]
    assert Mask([pentagram], WIDTH, HEIGHT).apply(picture())[24, 32].max() == 0


def test_a_polygon_may_reach_beyond_the_picture() -> None:
    beyond = [(-500.0, -500.0), (500.0, -500.0), (500.0, 24.0), (-500.0, 24.0)]
    masked = Mask([beyond], WIDTH, HEIGHT).apply(picture())
    assert (masked[:25].max(), masked[27:].min()) == (0, 200)


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        ([(1.0, 1.0), (5.0, 5.0)], "mask 2 has 2 corners"),
        ([(100.0, 100.0), (120.0, 100.0), (120.0, 120.0)], "mask 2 lies outside"),
        ([(1.0, 1.0), (float("nan"), 5.0), (3.0, 9.0)], "mask 2 has a corner that is no place"),
        ([(1.0, 1.0), (1e9, 5.0), (3.0, 9.0)], "mask 2 has a corner that is no place"),
    ],
)
def test_a_polygon_that_masks_nothing_is_refused_by_its_number(
    polygon: list[tuple[float, float]], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        Mask([WINDOW, polygon], WIDTH, HEIGHT)


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="64 x 48"):
        Mask([WINDOW], WIDTH, HEIGHT).apply(np.zeros((HEIGHT, HEIGHT, 3), np.uint8))


@settings(deadline=None)
@given(st.lists(st.lists(corner, min_size=3, max_size=7), min_size=1, max_size=3))
def test_every_pixel_inside_any_polygon_is_black(
    polygons: list[list[tuple[float, float]]],
) -> None:
    try:
        mask = Mask(polygons, WIDTH, HEIGHT)
    except ValueError:
        return
    masked = mask.apply(picture())
    for polygon in polygons:
        corners = np.array(polygon, np.float32)
        for y, x in np.argwhere(masked.min(axis=2) > 0)[::7].tolist():
            assert cv2.pointPolygonTest(corners, (float(x), float(y)), measureDist=False) <= 0


@settings(deadline=None)
@given(st.lists(corner, min_size=3, max_size=3), st.integers(0, 255))
def test_what_is_behind_the_mask_changes_nothing(
    polygon: list[tuple[float, float]], secret: int
) -> None:
    try:
        mask = Mask([polygon], WIDTH, HEIGHT)
    except ValueError:
        return
    other = picture()
    other[mask.covered] = secret
    assert np.array_equal(mask.apply(other), mask.apply(picture()))


@settings(deadline=None)
@given(st.lists(place, min_size=3, max_size=3))
def test_a_triangle_covers_nothing_four_pixels_away_from_it(
    polygon: list[tuple[float, float]],
) -> None:
    try:
        mask = Mask([polygon], WIDTH, HEIGHT)
    except ValueError:
        return
    corners = np.array(polygon, np.float32)
    for y, x in np.argwhere(mask.covered)[::7].tolist():
        assert cv2.pointPolygonTest(corners, (float(x), float(y)), measureDist=True) > -4
