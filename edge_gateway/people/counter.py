"""The counter process. It opens its source, loads its model, and nothing else.

What may leave is typed in `boundary.py`, what comes in is typed in `counter_settings.py`. It
writes no file, and a picture of the camera goes nowhere but into detector and anonymizer.
"""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

from edge_gateway.links.errors import BadFrame, LinkGone, Misconfigured
from edge_gateway.people.background import LearningSettings
from edge_gateway.people.counter_link import SPEAKS, UNPROTECTED
from edge_gateway.people.counter_process import GatewayHung, Lifeline, Outgoing, hide_memory
from edge_gateway.people.counter_settings import CounterSettings, read_settings
from edge_gateway.people.counting import PeopleCounter
from edge_gateway.people.detect import Detector, ModelError, model_hash, shipped_model
from edge_gateway.people.lines import LinesError
from edge_gateway.people.mask import Mask
from edge_gateway.people.pi_throttle import PiVitals
from edge_gateway.people.rate import Budget, Pace
from edge_gateway.people.sandbox import enter, needs_of
from edge_gateway.people.scene import AnonymizedScene
from edge_gateway.people.sight import Sight
from edge_gateway.people.sources import open_source, shown
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
            missing = enter(needs_of(settings.source, shipped_model(settings.model)))
            if missing:
                _say(f"{UNPROTECTED}{'; '.join(missing)}")
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


def _count_for_gateway(settings: CounterSettings, out: Outgoing, lifeline: Lifeline) -> None:
    path = shipped_model(settings.model)
    detector = Detector(path, threads=settings.threads)
    eyes = _eyes(settings, detector, path)
    name = shown(settings.source)

    def say(sentence: str) -> None:
        _say(f"{name}: {sentence}")

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
            say=say,
            pace=Pace(
                Budget(settings.max_cpu, settings.max_celsius, settings.every),
                vitals=PiVitals(),
                cpu=time.process_time,
                say=say,
                start_s=time.monotonic(),
            ),
        )


def _eyes(settings: CounterSettings, detector: Detector, path: Path) -> Eyes:
    lines = lines_of(settings)
    plane = settings.ground and settings.ground.plane()

    def scene(width: int, height: int) -> AnonymizedScene:
        return AnonymizedScene(
            width,
            height,
            lines,
            detector.detect,
            mask=Mask([part.polygon for part in settings.mask], width, height),
            settings=LearningSettings(replace_s=settings.stand_still_s),
        )

    return Eyes(
        counting=lambda: PeopleCounter(detector, lines, ground=plane),
        scene=scene,
        model=model_hash(path),
        sight=Sight,
    )


def _say(sentence: str) -> None:
    sys.stderr.write(f"{SPEAKS}{sentence}\n")
    sys.stderr.flush()
