"""The wall clock jumps while a program hands in numbers: an hour on, 400 days back, and so on.

The daemon runs under a preloaded clock whose offset is changed live. Nothing may be lost, come
twice or out of order, no traceback may appear, and within seconds of a jump live readings must bear
the date that the clock now shows, with the uplink up and after it was down.
"""

from __future__ import annotations

import mmap
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns import arguments
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.feeder import Feeder, Ledger
from campaigns.pole import GATEWAY, Pole, settings_for
from campaigns.shim import NoCompiler, build, preloaded
from edge_gateway.twins.broker import Broker, available
from edge_gateway.twins.cable import Cable

_DAY_S = 86_400
_JUMPS_S = (3600, -400 * _DAY_S, 400 * _DAY_S, -2, 0)
_ANSWER_S = 20.0
_DRAIN_S = 60.0
_DATE_ERROR_S = 3.0
_WORD_BYTES = 8


class MovableClock:
    """The offset of a wall clock in seconds, in a file that the preloaded clock looks at."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_WORD_BYTES))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _WORD_BYTES)
        self.offset_s = 0

    def set(self, offset_s: int) -> None:
        """Let it jump."""
        self.offset_s = offset_s
        self._page[:] = offset_s.to_bytes(_WORD_BYTES, sys.byteorder, signed=True)

    @property
    def now_s(self) -> float:
        """Seconds since 1970 by this clock."""
        return time.time() + self.offset_s


def main() -> int:
    """Run it."""
    chosen = arguments.parser(__doc__, seconds=3.0).parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("clock jumps", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report("the wall clock jumps", chosen.seed)
    try:
        for uplink in ("up", "down"):
            with TemporaryDirectory(prefix="clock-") as folder, ExitStack() as stack:
                _run(Path(folder), stack, uplink, chosen.seconds, report)
    except NoCompiler as error:
        return arguments.skipped("clock jumps", str(error))
    return report.end(as_json=chosen.json)


def _run(
    folder: Path, stack: ExitStack, uplink: str, seconds: float, report: arguments.Report
) -> None:
    library = build("clockshim", folder)
    clock = MovableClock(folder / "offset")
    broker = stack.enter_context(Broker("mosquitto", settings=BROKER_SETTINGS))
    collector = stack.enter_context(Collector(broker.port))
    cable = stack.enter_context(Cable(broker.port))
    ledger = Ledger()
    pole = Pole(folder, settings_for(folder, cable.port))
    stack.callback(pole.kill)
    pole.start(preloaded(library, {"CLOCKSHIM_OFFSET": str(folder / "offset")}))
    feeder = Feeder(pole.socket, ledger)
    feeder.answered.wait(_ANSWER_S)
    found = collector.findings
    worst_s = 0.0
    for offset_s in _JUMPS_S:
        clock.set(offset_s)
        if uplink == "down":
            cable.unplug()
            time.sleep(seconds)
            cable.plug()
        time.sleep(seconds)
        # What was made before the jump has come by now, or is no news: the next live reading is of
        # after it. With the uplink down it takes as long as the gateway takes to connect again.
        known = collector.live_readings
        what = f"a live reading after a jump by {offset_s} s, uplink {uplink}"
        collector.wait(lambda known=known: collector.live_readings > known, what, _ANSWER_S)
        error_s = abs(collector.live_unix_s - clock.now_s)
        worst_s = max(worst_s, error_s)
        if error_s > _DATE_ERROR_S:
            found.wrong.append(f"uplink {uplink}: {error_s:.0f} s off after a jump by {offset_s} s")
    feeder.finish()
    if not pole.until_empty(_DRAIN_S):
        found.wrong.append(f"uplink {uplink}: {pole.entries()} entries do not leave")
    collector.settle()
    pole.stop()
    found.lost = len(collector.missing(GATEWAY, ledger.acknowledged))
    if trace := pole.traceback():
        found.wrong.append(f"uplink {uplink}: {trace}")
    report.row(
        found,
        uplink=uplink,
        jumps=len(_JUMPS_S),
        acknowledged=len(ledger.acknowledged),
        **{"live date off by at most, s": round(worst_s, 1)},
    )


if __name__ == "__main__":
    sys.exit(main())
