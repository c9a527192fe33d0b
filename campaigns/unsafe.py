"""A gateway whose store does not wait for the disk: the control of campaigns against power cuts.

`python -m campaigns.unsafe LEVEL run --config FILE`, where LEVEL is what the store says to SQLite
for `synchronous`: NORMAL or OFF.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Any

from edge_gateway.cli.main import main

_SAFE = "synchronous = FULL"


def weaken(level: str) -> None:
    """From now on each store that is opened in this process says `level` instead of FULL."""
    connect: Any = sqlite3.connect

    class Weak(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace(_SAFE, f"synchronous = {level}"), *arguments)

    def weak(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return connect(*arguments, **options, factory=Weak)

    sqlite3.connect = weak


if __name__ == "__main__":
    weaken(sys.argv[1])
    sys.exit(main(sys.argv[2:]))
