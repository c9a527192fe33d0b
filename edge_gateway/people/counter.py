"""The counter process. It opens its source, loads its model, and nothing else.

What may leave is typed in `boundary.py`, what comes in is typed in `counter_settings.py`. It
writes no file, and a picture of the camera goes nowhere but into the detector and the anonymizer.
"""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Final

from edge_gateway.links.errors import BadFrame, LinkGone, Misconfigured
from edge_gateway.people.anonymize import Anonymizer, Marker, encode_jpeg, encode_png
from edge_gateway.people.boundary import LONGEST_PICTURE, EncodedPicture
from edge_gateway.people.counter_link import SPEAKS
from edge_gateway.people.counter_process import GatewayHung, Lifeline, Outgoing, hide_memory
from edge_gateway.people.counter_settings import CounterSettings, read_settings
from edge_gateway.people.counting import PeopleCounter
from edge_gateway.people.detect import Boxes, Detector, ModelError, model_hash, shipped_model
from edge_gateway.people.frame import Picture
from edge_gateway.people.lines import Line, LinesError
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.sources import open_source, shown
from edge_gateway.people.track import Track
from edge_gateway.people.watch import Eyes, lines_of, run_counter

# Exit codes of the command line; with the last no retry helps.
EXIT_DONE: Final = 0
EXIT_FAILED: Final = 1
EXIT_INPUT: Final = 4


def counter_main(fd: int) -> int:
    """Count for the gateway at the other end of the socket `fd`, until it closes it.

    Returns an exit code of the command line; why it is not 0 stands on stderr in a sentence.
    """
    hide_memory()
    with socket.socket(fileno=fd) as connection:
        try:
            settings = read_settings(connection.recv)
            lifeline = Lifeline(connection)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda _number, _frame: lifeline.cut())
            _count_for_gateway(settings, Outgoing(connection), lifeline)
        except (BadFrame, Misconfigured, ModelError, LinesError) as error:
            _say(str(error))
            return EXIT_INPUT
        except (LinkGone, GatewayHung) as error:
            _say(str(error))
            return EXIT_FAILED
    return EXIT_DONE


class AnonymizedScene:
    """The anonymizer with its pictures as bytes: PNG, or JPEG where that would be too long."""

    def __init__(self, width: int, height: int, lines: Sequence[Line]) -> None:
        self._anonymizer = Anonymizer(width, height)
        self._lines = lines

    def learn(self, picture: Picture, boxes: Boxes, time_s: float) -> None:
        """Take in a picture and where people may be in it."""
        self._anonymizer.learn(picture, boxes, time_s)

    def draw(self, tracks: Iterable[Track], monotonic_ns: int) -> EncodedPicture:
        """Draw people as markers on what is learnt; what is not learnt stays blank."""
        anonymized = self._anonymizer.picture(markers, self._lines)
        content = encode_png(anonymized)
        if len(content) <= LONGEST_PICTURE:
            return EncodedPicture(PictureFormat.PNG, content, monotonic_ns)
        return EncodedPicture(PictureFormat.JPEG, encode_jpeg(anonymized), monotonic_ns)


def _count_for_gateway(settings: CounterSettings, out: Outgoing, lifeline: Lifeline) -> None:
    path = shipped_model(settings.model)
    detector = Detector(path, threads=settings.threads)
    lines = lines_of(settings)
    eyes = Eyes(
        counting=lambda: PeopleCounter(detector, lines),
        scene=lambda width, height: AnonymizedScene(width, height, lines),
        model=model_hash(path),
    )
    name = shown(settings.source)

    def is_over() -> bool:
        out.flush()
        return out.closed or lifeline.is_cut()

    with open_source(
        settings.source, realtime=True, loop=settings.loop, first_picture_s=0
    ) as source:
        run_counter(
            settings,
            out.send,
            source=source,
            eyes=eyes,
            stop=is_over,
            say=lambda sentence: _say(f"{name}: {sentence}"),
        )


def _say(sentence: str) -> None:
    sys.stderr.write(f"{SPEAKS}{sentence}\n")
    sys.stderr.flush()
