"""The daemon as a process of its own, its configuration, and waiting for what it does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

DEADLINE_S = 30.0


def configuration(folder: Path, port: int, device: str, commit_interval_s: float = 0.5) -> Path:
    """A gateway with an outbox in this folder, a broker at this port, and one device."""
    path = folder / "gateway.toml"
    text = f"""\
        [gateway]
        id = "pole-0001"
        [clock]
        source = "trusted"
        [outbox]
        folder = "{folder / "outbox"}"
        commit_interval_s = {commit_interval_s}
        [uplink]
        host = "127.0.0.1"
        port = {port}
        tls = false
        start_spread_s = 0
        [[device]]
        """
    path.write_text(dedent(text) + dedent(device), encoding="utf-8")
    return path


@contextmanager
def daemon(path: Path, env: dict[str, str] | None = None) -> Generator[subprocess.Popen[str]]:
    """`run` with this configuration; killed at the end, if it is still there."""
    command = [sys.executable, "-m", "edge_gateway", "run", "--config", str(path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until it is so; fail with a sentence if it does not come."""
    ends = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ends, f"no {what} within {DEADLINE_S:.0f} s"
        time.sleep(0.02)
