"""The tables of a store, and how one of an older version becomes one of this version."""

from __future__ import annotations

from random import Random
from sqlite3 import Connection

SCHEMA_VERSION = 2

_VERSION_1 = (
    "CREATE TABLE store (id TEXT NOT NULL)",
    """CREATE TABLE blocks (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  lane TEXT NOT NULL,
  boot TEXT NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  origin TEXT NOT NULL,
  payload BLOB NOT NULL
)""",
    "CREATE INDEX blocks_by_lane ON blocks (lane, sequence, entries, bytes)",
    """CREATE TABLE losses (
  lane TEXT NOT NULL,
  boot TEXT NOT NULL,
  cause TEXT NOT NULL,
  blocks INTEGER NOT NULL,
  entries INTEGER NOT NULL,
  first_us INTEGER NOT NULL,
  last_us INTEGER NOT NULL,
  PRIMARY KEY (lane, boot, cause)
) WITHOUT ROWID""",
    "PRAGMA user_version = 1",
)
# What each of several consumers has removed of what is still there, as ranges of sequence numbers;
# what each boot's wall clock was; what of a store that was set aside is not yet recovered.
_VERSION_2 = (
    """CREATE TABLE removed (
  consumer TEXT NOT NULL,
  lane TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (consumer, lane, first)
) WITHOUT ROWID""",
    """CREATE TABLE clocks (
  boot TEXT NOT NULL UNIQUE,
  offset_ns INTEGER NOT NULL,
  error_s REAL NOT NULL,
  state TEXT NOT NULL
)""",
    """CREATE TABLE recoveries (
  kept TEXT PRIMARY KEY,
  cause TEXT NOT NULL,
  after INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  entries INTEGER NOT NULL
) WITHOUT ROWID""",
    "PRAGMA user_version = 2",
)


def create(connection: Connection, random: Random) -> None:
    """Make the tables of an empty file; runs inside the caller's transaction."""
    for statement in _VERSION_1:
        connection.execute(statement)
    identity = f"{random.getrandbits(64):016x}"
    connection.execute("INSERT INTO store (id) VALUES (?)", (identity,))
    upgrade(connection, 1)


def upgrade(connection: Connection, version: int) -> None:
    """Bring a store of an older version up to this one; its blocks stay as they are."""
    if version < SCHEMA_VERSION:
        for statement in _VERSION_2:
            connection.execute(statement)


def number_above(connection: Connection, sequence: int) -> None:
    """Let the next block that brings no number get one above `sequence`."""
    updated = connection.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'blocks'", (sequence,)
    )
    if not updated.rowcount:
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('blocks', ?)", (max(sequence, 0),)
        )
