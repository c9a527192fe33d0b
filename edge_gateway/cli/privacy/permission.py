"""A configuration before its notice hangs: complete but for `notice_posted = true`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_gateway.cli.check import config_model, read
from edge_gateway.config import Config
from edge_gateway.config_file import ConfigError, load_config
from edge_gateway.wiring import conflicts

_POSTED: Final = "notice_posted"


@dataclass(frozen=True, slots=True)
class Permitted:
    """A configuration, and whether it says that the notice hangs."""

    config: Config
    is_posted: bool


def read_for_notice(path: Path) -> Permitted:
    """Load it; `notice_posted` may be missing or false, nothing else. Raises ConfigError."""
    try:
        return Permitted(read(path), is_posted=True)
    except ConfigError as error:
        if {problem.key for problem in error.problems} != {f"privacy.{_POSTED}"}:
            raise
    as_if = {"privacy": {_POSTED: True}}
    return Permitted(load_config(path, config_model, conflicts, as_if=as_if), is_posted=False)
