"""kill -9 of the whole daemon at random moments, with the uplink up, down and flapping.

A program hands in numbers through the `local` driver all the time; each start goes on with the same
store. Half of the kills come while the daemon starts, the others while it works. In the end the
uplink is there, and every number that was answered for must have arrived.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event, Thread

from campaigns import arguments
from campaigns.check import Findings
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.feeder import Feeder, Ledger
from campaigns.pole import Pole, settings_for
from edge_gateway.twins.broker import Broker, available
from edge_gateway.twins.cable import Cable

UPLINKS = ("up", "down", "flapping")
_AT_A_TIME = 10
_SHARE_WHILE_STARTING = 0.5
_STARTING_S = 1.5
_WORKING_S = 0.6
_ANSWER_S = 20.0
_DRAIN_S = 120.0


class Flapping:
    """Plugs a cable in and out at random until it is closed."""

    def __init__(self, cable: Cable, random: Random) -> None:
        self._over = Event()
        self._thread = Thread(target=self._run, args=(cable, random), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the cable as it is."""
        self._over.set()
        self._thread.join()

    def _run(self, cable: Cable, random: Random) -> None:
        while not self._over.wait(random.uniform(0.02, 0.4)):
            if cable.unplugged:
                cable.plug()
            else:
                cable.unplug()


class Victim:
    """One gateway that is killed again and again."""

    def __init__(self, folder: Path, name: str, port: int, seed: int) -> None:
        self.name = name
        self.kills: Counter[str] = Counter()
        self.ledger = Ledger()
        self._cable = Cable(port)
        self._random = arguments.seeded(seed, name)
        folder.mkdir()
        self.pole = Pole(folder, settings_for(folder, self._cable.port, name))

    def run(self, count: int) -> None:
        """Kill it so often."""
        feeder = Feeder(self.pole.socket, self.ledger)
        for number in range(count):
            uplink = UPLINKS[number // _AT_A_TIME % len(UPLINKS)]
            flapping = Flapping(self._cable, self._random) if uplink == "flapping" else None
            if uplink == "up":
                self._cable.plug()
            elif uplink == "down":
                self._cable.unplug()
            self._life(feeder)
            self.kills[uplink] += 1
            if flapping is not None:
                flapping.close()
        feeder.stop()

    def end(self, collector: Collector) -> Findings:
        """Let it deliver everything, and see what did not come."""
        findings = Findings()
        self._cable.plug()
        self.pole.start()
        if not self.pole.until_empty(_DRAIN_S):
            findings.wrong.append(f"{self.name}: {self.pole.entries()} entries do not leave")
        collector.settle()
        self.pole.stop()
        self._cable.close()
        findings.lost = len(collector.missing(self.name, self.ledger.acknowledged))
        findings.wrong += self.ledger.refused[:5]
        if trace := self.pole.traceback():
            findings.wrong.append(f"{self.name}: {trace}")
        return findings

    def _life(self, feeder: Feeder) -> None:
        feeder.answered.clear()
        self.pole.start()
        if self._random.random() < _SHARE_WHILE_STARTING:
            time.sleep(self._random.uniform(0.0, _STARTING_S))
        else:
            feeder.answered.wait(_ANSWER_S)
            time.sleep(self._random.uniform(0.0, _WORKING_S))
        self.pole.kill()


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, count=1000)
    options.add_argument("--jobs", type=int, default=2, help="gateways at a time; default 2")
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("kills", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report("kill -9 of the daemon at random moments", chosen.seed)
    with (
        TemporaryDirectory(prefix="kills-") as folder,
        Broker("mosquitto", settings=BROKER_SETTINGS) as broker,
        Collector(broker.port) as collector,
        ThreadPoolExecutor(chosen.jobs) as pool,
    ):
        victims = [
            Victim(Path(folder) / str(job), f"pole-{job}", broker.port, chosen.seed)
            for job in range(chosen.jobs)
        ]
        runs = [pool.submit(victim.run, chosen.count // chosen.jobs) for victim in victims]
        for run in runs:
            run.result()
        for victim in victims:
            report.row(victim.end(collector), **_columns(victim))
        report.row(collector.findings, gateway="all, at the broker", given=len(collector.keys))
    return report.end(as_json=chosen.json)


def _columns(victim: Victim) -> dict[str, str | int]:
    return {
        "gateway": victim.name,
        "given": victim.ledger.next,
        "acknowledged": len(victim.ledger.acknowledged),
        **{f"kills, uplink {uplink}": victim.kills[uplink] for uplink in UPLINKS},
    }


if __name__ == "__main__":
    sys.exit(main())
