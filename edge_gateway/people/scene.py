"""The one way for a picture out of the counter: through the anonymizer, then encoded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_gateway.people.anonymize import Anonymizer, Inspector, Marker, encode_jpeg
from edge_gateway.people.background import LearningSettings
from edge_gateway.people.boundary import EncodedPicture
from edge_gateway.people.detect import Boxes
from edge_gateway.people.frame import Picture
from edge_gateway.people.lines import Line
from edge_gateway.people.mask import Mask
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.track import Track


class AnonymizedScene:
    """The anonymizer with its pictures as bytes: JPEG, about 30 kB at 768 x 576.

    `inspect` looks for people in the scene as drawn: what it finds is withheld. What `mask`
    covers is blank.
    """

    def __init__(
        self,
        width: int,
        height: int,
        lines: Sequence[Line],
        inspect: Inspector,
        *,
        mask: Mask | None = None,
        settings: LearningSettings | None = None,
    ) -> None:
        self._anonymizer = Anonymizer(width, height, settings, inspect, mask)
        self._lines = [(line.name, line.start, line.end) for line in lines]

    def learn(self, picture: Picture, boxes: Boxes, time_s: float) -> None:
        """Take in a picture and where people may be in it."""
        self._anonymizer.learn(picture, boxes, time_s)

    def forget(self) -> None:
        """Withhold what was learnt: it may be another place now."""
        self._anonymizer.forget()

    def draw(self, tracks: Iterable[Track], monotonic_ns: int) -> EncodedPicture:
        """Draw people as markers on what is learnt; what is not learnt stays blank."""
        markers = [Marker(*track.foot, height=track.height) for track in tracks if track.observed]
        anonymized = self._anonymizer.picture(markers, self._lines)
        return EncodedPicture(PictureFormat.JPEG, encode_jpeg(anonymized), monotonic_ns)
