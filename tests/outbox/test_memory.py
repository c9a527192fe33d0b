"""What waits lies on the disk: memory does not grow with the backlog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MOST_GROWTH_BYTES = 5_000_000

# Fifty readings a second are 2,500 of a commit of 50 s. Resident pages, for SQLite's own memory
# counts too; of a process of its own, so that nothing else does.
GROWING = """
import os, sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp

wind, random = Measurand(Quantity.WIND_SPEED), Random(1)
outbox = Outbox(Path(sys.argv[1]), clock=SystemClock(), quota_bytes=64 << 20, random=Random(1))

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

def commit(number):
    outbox.append(
        Reading("dev", wind, random.uniform(0, 20), Flag.GOOD, Stamp("boot", place * 20_000_000))
        for place in range(number * 2500, (number + 1) * 2500)
    )
    assert outbox.commit().trouble == ""

for number in range(8):
    commit(number)
assert outbox.stats().entries == 20_000
few = resident()
for number in range(8, 160):
    commit(number)
assert outbox.stats().entries == 400_000
print(resident() - few)
"""


def test_twenty_times_the_backlog_takes_no_more_memory(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GROWING, str(tmp_path / "outbox")],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST_GROWTH_BYTES
