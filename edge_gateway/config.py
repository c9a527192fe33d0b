"""The models of gateway.toml. Every field says what it is, in which unit, and what is allowed.

Reading the file and explaining what is wrong with it: `config_file.py`. The commented sample:
`config_sample.py`. Each driver brings the model of its own `[[device]]` table.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, model_validator

# An MQTT topic level, a SenML name part and a file name at once.
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class Section(BaseModel):
    """A table of gateway.toml: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class ClockConfig(Section):
    """What the gateway believes of the machine's wall clock."""

    source: Annotated[
        Literal["kernel", "trusted"],
        Field(
            description="kernel: ask whether it is disciplined; trusted: it is right, do not ask"
        ),
    ] = "kernel"


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


class TlsConfig(Section):
    """How the broker is known, and how it knows the gateway."""

    ca_file: Annotated[
        Path | None, Field(description="CA certificates, PEM; the system's own when left out")
    ] = None
    certificate_file: Annotated[
        Path | None, Field(description="this gateway's certificate, PEM")
    ] = None
    key_file: Annotated[Path | None, Field(description="its private key, PEM")] = None
    server_name: Annotated[
        str | None,
        Field(
            description="name in the broker's certificate, when not `host`",
            examples=["broker.example.org"],
        ),
    ] = None

    @model_validator(mode="after")
    def _certificate_and_key_go_together(self) -> Self:
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together: give both or neither")
        return self


class UplinkConfig(Section):
    """The broker, and how it is spoken to."""

    host: Annotated[
        str,
        Field(
            min_length=1,
            description="name or address of the broker",
            examples=["broker.example.org"],
        ),
    ]
    port: Annotated[int, Field(ge=1, le=65535, description="8883 with TLS, 1883 without")] = 8883
    tls: Annotated[
        TlsConfig | Literal[False],
        Field(description="TLS options as a table; `tls = false` speaks in the clear"),
    ] = TlsConfig()
    username: Annotated[
        str | None, Field(description="user name at the broker", examples=["pole-0001"])
    ] = None
    password_file: Annotated[
        Path | None,
        Field(
            description="file whose first line is the password",
            examples=["/etc/edge-gateway/password"],
        ),
    ] = None
    topic_prefix: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
            description="topics are PREFIX/GATEWAY/LANE and PREFIX/GATEWAY/state",
        ),
    ] = "edge"
    keepalive_s: Annotated[
        int, Field(ge=2, le=600, description="a dead link is noticed after about twice this")
    ] = 12
    inflight: Annotated[
        int, Field(ge=1, le=1000, description="batches sent and not yet acknowledged, at most")
    ] = 8
    reconnect_max_s: Annotated[
        float, Field(ge=1, le=3600, description="longest wait between two attempts to connect")
    ] = 60.0

    @model_validator(mode="after")
    def _a_password_needs_a_user(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file is given without username: add username")
        return self


class PrivacyConfig(Section):
    """Permission to count people; without this table no camera is opened."""

    purpose: Annotated[
        str,
        Field(
            min_length=1,
            description="why people are counted here",
            examples=["Width of the footway, Ekimae street"],
        ),
    ]
    operator: Annotated[
        str,
        Field(
            min_length=1,
            description="who answers for it",
            examples=["City of Example, Road Department"],
        ),
    ]
    contact: Annotated[
        str,
        Field(min_length=1, description="where a citizen can ask", examples=["roads@city.example"]),
    ]
    notice_posted: Annotated[
        Literal[True], Field(description="true once the notice hangs at the pole", examples=[True])
    ]


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
    uplink: UplinkConfig
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
                "add it with purpose, operator, contact and notice_posted = true"
            )
        return self

    @model_validator(mode="after")
    def _device_names_are_unique(self) -> Self:
        names = [device.id for device in self.device]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"device id {name!r} is used {names.count(name)} times")
        return self


def cache_folder() -> Path:
    """Where fetched files are kept: under `$XDG_CACHE_HOME`, or `~/.cache` where it is not set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edge-gateway"


def notify_socket() -> str | None:
    """Where systemd listens for this process: `$NOTIFY_SOCKET`, None when nobody does."""
    return os.environ.get("NOTIFY_SOCKET") or None
