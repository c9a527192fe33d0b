"""The models of gateway.toml. Every field says what it is, in which unit, and what is allowed.

Reading the file and explaining what is wrong with it: `config_file.py`. The commented sample:
`config_sample.py`. Each driver brings the model of its own `[[device]]` table.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, SerializeAsAny, field_validator, model_validator

from edge_gateway.config_privacy import PrivacyConfig
from edge_gateway.config_section import Identifier, Section
from edge_gateway.config_uplink import UplinkConfig, check_together
from edge_gateway.reading import Lane


class GatewayConfig(Section):
    """Who and where this pole is."""

    id: Annotated[
        Identifier,
        Field(description="name of this gateway, unique in the fleet", examples=["pole-0001"]),
    ]
    latitude: Annotated[
        float | None, Field(ge=-90, le=90, description="degrees north, WGS 84", examples=[43.0687])
    ] = None
    longitude: Annotated[
        float | None,
        Field(ge=-180, le=180, description="degrees east, WGS 84", examples=[141.3508]),
    ] = None
    name: Annotated[
        str, Field(description="name for people, where a payload has one", examples=["Ekimae"])
    ] = ""
    time_zone: Annotated[
        str,
        Field(description="IANA name, for payloads in local time (csv)", examples=["Asia/Tokyo"]),
    ] = "UTC"

    @field_validator("time_zone")
    @classmethod
    def _time_zone_is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (OSError, ValueError, LookupError) as error:
            raise ValueError(f"{name!r} is no time zone known here: give an IANA name") from error
        return name


class ClockConfig(Section):
    """What the gateway believes of the machine's wall clock."""

    source: Annotated[
        Literal["kernel", "trusted"],
        Field(
            description="kernel: ask whether it is disciplined; trusted: it is right, do not ask"
        ),
    ] = "kernel"


LaneInterval = Annotated[
    float | None,
    Field(ge=0, le=60, description="seconds; 0: on disk before it is acknowledged", examples=[0.0]),
]


class LaneIntervals(Section):
    """Lanes that are committed at another pace than `commit_interval_s`."""

    events: LaneInterval = None
    counts: LaneInterval = None
    summaries: LaneInterval = None
    raw: LaneInterval = None


class OutboxConfig(Section):
    """Where readings are kept until the broker has acknowledged them."""

    folder: Annotated[Path, Field(description="folder of the store, on the data partition")] = Path(
        "/var/lib/edge-gateway/outbox"
    )
    commit_interval_s: Annotated[
        float,
        Field(gt=0, le=60, description="seconds between commits: what a power cut may cost"),
    ] = 5.0
    quota_mb: Annotated[
        int, Field(ge=1, le=1_000_000, description="megabytes the store may take on disk")
    ] = 512
    outage_hours: Annotated[
        float,
        Field(ge=0, le=8760, description="hours without an uplink that the quota must hold"),
    ] = 72.0
    lane_commit_interval_s: Annotated[
        LaneIntervals,
        Field(description="Lanes that are committed at another pace than `commit_interval_s`."),
    ] = LaneIntervals()

    def commit_intervals_s(self) -> dict[Lane, float]:
        """Seconds between commits of each lane, 0 for one that is committed at once."""
        own: dict[Lane, float | None] = {
            lane: getattr(self.lane_commit_interval_s, lane) for lane in Lane
        }
        return {
            lane: self.commit_interval_s if seconds is None else seconds
            for lane, seconds in own.items()
        }


class DeviceConfig(Section):
    """What every `[[device]]` table has; its driver's model adds the rest."""

    counts_people: ClassVar[bool] = False
    """True for devices that may run only once `[privacy]` permits counting."""

    id: Annotated[Identifier, Field(description="name of this device, unique on the pole")]
    driver: Annotated[str, Field(description="which driver; see `edge-gateway devices`")]
    period_s: Annotated[
        float,
        Field(
            gt=0, le=86400, description="seconds between two polls; a talking device sets its own"
        ),
    ] = 10.0
    height_m: Annotated[
        float | None, Field(ge=-10, le=300, description="metres above ground", examples=[3.5])
    ] = None
    shield: Annotated[
        Literal["none", "passive", "aspirated"] | None,
        Field(description="radiation shield of a thermometer"),
    ] = None

    @property
    def samples_per_s(self) -> float:
        """How often it should give its values; 0 for a device whose values are windows already."""
        return 1 / self.period_s


class Config(Section):
    """The whole of gateway.toml."""

    gateway: GatewayConfig
    clock: ClockConfig = ClockConfig()
    outbox: OutboxConfig = OutboxConfig()
    uplink: Annotated[
        tuple[UplinkConfig, ...],
        BeforeValidator(lambda given: [given] if _is_one_table(given) else given),
        Field(min_length=1, description="one table per broker; a single [uplink] will do"),
    ]
    privacy: PrivacyConfig | None = None
    device: Annotated[
        tuple[SerializeAsAny[DeviceConfig], ...], Field(description="one table per device")
    ] = ()

    @model_validator(mode="after")
    def _counting_needs_permission(self) -> Self:
        counters = [device.id for device in self.device if device.counts_people]
        if counters and self.privacy is None:
            raise ValueError(
                f"device {counters[0]!r} counts people, and there is no [privacy] table: "
                "add it with purpose, operator, contact, legal_basis, retention and "
                "notice_posted = true"
            )
        return self

    @model_validator(mode="after")
    def _uplinks_go_together(self) -> Self:
        check_together(self.uplink, self.gateway.id)
        for uplink in self.uplink:
            if uplink.payload.startswith("ngsi") and None in (
                self.gateway.latitude,
                self.gateway.longitude,
            ):
                raise ValueError(
                    f"payload = {uplink.payload!r} of uplink {uplink.id!r} needs a place: "
                    "give latitude and longitude under [gateway]"
                )
        return self

    @model_validator(mode="after")
    def _device_names_are_unique(self) -> Self:
        names = [device.id for device in self.device]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"device id {name!r} is used {names.count(name)} times")
        return self


def fingerprint(config: Config) -> str:
    """Sixteen hex digits that change when the configuration does; no secret goes into them.

    Passwords and keys are files, whose names go in only; a URL goes in without its user.
    """
    written = json.dumps(config.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(_USER_IN_URL.sub("://", written).encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """Where fetched files are kept: under `$XDG_CACHE_HOME`, or `~/.cache` where it is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edge-gateway"


def notify_socket() -> str | None:
    """Where systemd listens for this process: `$NOTIFY_SOCKET`, None when nobody does."""
    return os.environ.get("NOTIFY_SOCKET") or None


_USER_IN_URL = re.compile(r"://[^/\s\"@]*@")


def _is_one_table(given: Any) -> bool:
    return isinstance(given, (dict, UplinkConfig))
