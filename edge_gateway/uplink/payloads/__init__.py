"""One file a format: from a batch to the messages that say it. What each says: docs/payloads.md.

A format never invents: a flag stays visible, a missing value is absent or null with its reason, and
a reading without a date is withheld or marked, never dated by a guess.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Protocol, cast

from edge_gateway.outbox import Columns
from edge_gateway.reading import Lane
from edge_gateway.uplink.batch import Batch

# Measured (benchmarks/payload_sizes.py, docs/payloads.md): a SenML pack of one reading is 178 bytes
# and 149 with gzip, one of a single event 177 and 162; of two in CBOR 194 and 156. Below this the
# shortest, one reading in CBOR, would win a single byte for 15 us.
GZIP_FROM_BYTES = 150


class Encoding(StrEnum):
    """How the bytes of a message stand for its content type."""

    IDENTITY = "identity"
    GZIP = "gzip"


def squeeze(body: bytes) -> tuple[bytes, Encoding]:
    """Compress when that makes it shorter."""
    if len(body) >= GZIP_FROM_BYTES:
        short = gzip.compress(body, 6, mtime=0)
        if len(short) < len(body):
            return short, Encoding.GZIP
    return body, Encoding.IDENTITY


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: the whole topic, not a part of it, since some formats fix their own."""

    topic: str
    payload: bytes
    content_type: str
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Pole:
    """What formats say of the pole beside its readings, and the names their topics need.

    Degrees are WGS 84; `time_zone` is an IANA name; `group` is Sparkplug's group id; `api_key` is
    that of the IoT Agent's service group. Which of them a format cannot do without: `Format.needs`.
    """

    gateway_id: str
    topic_prefix: str = "edge"
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    operator: str = ""
    time_zone: str = "UTC"
    api_key: str = ""
    group: str = ""
    discovery_prefix: str = "homeassistant"
    software_version: str = ""

    def topic(self, last: str) -> str:
        """PREFIX/GATEWAY/LAST."""
        return f"{self.topic_prefix}/{self.gateway_id}/{last}"


class Format(Protocol):
    """How batches become messages. One object serves one uplink: some remember what was said."""

    @property
    def name(self) -> str:
        """The word for it in the configuration."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields of `Pole` that must be given; `encode` raises PoleIncomplete without them."""
        ...

    @property
    def may_squeeze(self) -> bool:
        """Whether those who read it can be expected to undo gzip."""
        ...

    @property
    def is_lossless(self) -> bool:
        """Whether every reading of every batch is in the messages, undated and backlog too."""
        ...

    def will(self, pole: Pole) -> Message | None:
        """Asked once before each CONNECT: the last will this format prescribes, None for ours."""
        ...

    def begin(self) -> None:
        """A new connection stands: what has to be said once a connection is due again."""
        ...

    def encode(self, batch: Batch, pole: Pole) -> Iterable[Message]:
        """The messages of a batch, in the order they must be sent; none when it has nothing to say.

        A batch is delivered when all of them are. Raises PoleIncomplete.
        """
        ...


class PoleIncomplete(ValueError):
    """A format was asked for without what it needs; the message names the fields."""


# The formats by their word in the configuration, and where each is made.
FORMATS: Mapping[str, str] = {
    "senml": "senml_json:FORMAT",
    "senml_cbor": "senml_cbor:FORMAT",
    "iot_agent": "iot_agent:FORMAT",
    "ngsi_v2": "ngsi_v2:FORMAT",
    "ngsi_ld": "ngsi_ld:FORMAT",
    "home_assistant": "home_assistant:HomeAssistant",
    "sparkplug_b": "sparkplug_b:SparkplugB",
    "csv": "open_data:FORMAT",
}


def load(name: str) -> Format:
    """A format for one uplink; its file is imported now and not before. Raises ValueError."""
    if name not in FORMATS:
        raise ValueError(f"there is no payload {name!r}: choose one of {', '.join(FORMATS)}")
    module, _, attribute = FORMATS[name].partition(":")
    found: object = getattr(import_module(f"{__name__}.{module}"), attribute)
    return cast("Format", found() if isinstance(found, type) else found)


def lacking(form: Format, pole: Pole) -> tuple[str, ...]:
    """The fields of `pole` that the format needs and that are not given."""
    return tuple(field for field in form.needs if getattr(pole, field) in {None, ""})


def lane_of(columns: Columns) -> Lane:
    """The lane that a block travelled in: one for all that it holds."""
    return columns.series[0].measurand.lane if columns.series else Lane.EVENTS
