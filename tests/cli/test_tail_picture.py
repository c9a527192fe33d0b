"""`tail` tells that a picture came, and never prints one."""

from __future__ import annotations

import io

import pytest

from edge_gateway.cli.tail_connection import Arrived
from edge_gateway.cli.tail_pages import PersonPage
from edge_gateway.cli.tail_reel import Reel, Wish

JPEG = b"\xff\xd8\xff\xe0" + bytes(996)
TIMED = {"device": "camera-1", "clock": "holdover", "time": "2026-08-03T05:00:00.500Z"}


def test_a_picture_is_a_line_with_its_size() -> None:
    line, complaints = _shown(came(JPEG, TIMED))
    assert line.split() == [
        *("2026-08-03T05:00:00.500Z", "pole-1", "camera-1:", "picture,", "1000", "bytes"),
        *("clock", "holdover"),
    ]
    assert not complaints


def test_a_picture_without_properties_has_no_date() -> None:
    line, complaints = _shown(came(JPEG))
    assert line.startswith("no date")
    assert not complaints


@pytest.mark.parametrize("wish", [Wish(lane="raw"), Wish(gateway="pole-2")])
def test_a_picture_is_of_no_lane_and_of_its_gateway(wish: Wish) -> None:
    assert _shown(came(JPEG), wish) == ("", [])


def test_what_is_no_picture_is_complained_of() -> None:
    assert _shown(came(b"{}"))[1]


def came(payload: bytes, properties: dict[str, str] | None = None) -> Arrived:
    topic = "edge/pole-1/picture/camera-1"
    return Arrived(topic, payload, is_retained=False, unix_s=0.0, properties=properties or {})


def _shown(arrived: Arrived, wish: Wish | None = None) -> tuple[str, list[str]]:
    stream, complaints = io.StringIO(), list[str]()
    Reel(PersonPage(stream, colour=False), wish or Wish(), None, complaints.append).take(arrived)
    return stream.getvalue(), complaints
