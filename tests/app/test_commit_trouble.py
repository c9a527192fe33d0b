"""A disk that refuses is told once when it begins and once when it is over."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from random import Random

import pytest

from edge_gateway.app import Gateway
from edge_gateway.clock import SystemClock
from edge_gateway.config import Config
from edge_gateway.health import Notifier
from edge_gateway.outbox import Committed, Outbox


def test_a_disk_that_refuses_is_told_once_and_its_end_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = Config.model_validate(
        {
            "gateway": {"id": "pole"},
            "outbox": {"folder": tmp_path / "outbox"},
            "uplink": {"host": "127.0.0.1", "port": 9, "tls": False},
        }
    )
    answers = ["full", "full", "still full", "", ""]
    answered = threading.Event()

    def commit_due(_: Outbox, within_s: float) -> Committed:
        del within_s
        if not answers:
            answered.set()
        return Committed(trouble=answers.pop(0) if answers else "")

    def at_once(_: Outbox, within_s: float) -> float:
        del within_s
        return 0.0

    monkeypatch.setattr(Outbox, "commit_due", commit_due)
    monkeypatch.setattr(Outbox, "next_commit_s", at_once)
    gateway = Gateway(config, clock=SystemClock(), random=Random(1), notifier=Notifier(None))
    with caplog.at_level(logging.INFO, logger="edge_gateway.app"):
        gateway.start()
        assert answered.wait(10)
        gateway.stop()
    said = [record.message for record in caplog.records if "commit" in record.message]
    assert said == ["the outbox cannot commit: full", "the outbox commits again"]
