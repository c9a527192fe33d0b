"""The models of an `[[uplink]]` table: the broker, what it is sent, and how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge_gateway.config_section import Identifier, Section

ONLY_UPLINK = "main"

Payload = Literal[
    "senml",
    "senml_cbor",
    "iot_agent",
    "ngsi_v2",
    "ngsi_ld",
    "home_assistant",
    "sparkplug_b",
    "csv",
]


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
    """A broker, and how it is spoken to. Each uplink delivers all readings, at its own pace."""

    id: Annotated[
        Identifier, Field(description="name of this uplink; one that is renamed begins anew")
    ] = ONLY_UPLINK
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
    client_id: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_-]{1,64}$",
            description="MQTT client id; when left out GATEWAY, or GATEWAY-UPLINK if not main",
            examples=["pole-0001"],
        ),
    ] = None
    mqtt: Annotated[
        Literal["auto", "5", "3.1.1"],
        Field(description="version; auto: 5, and 3.1.1 with a broker that does not speak it"),
    ] = "auto"
    refuse_mqtt_3: Annotated[
        bool,
        Field(description="never fall back to 3.1.1, where a broker may deny and drop in silence"),
    ] = False
    topic_prefix: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$",
            description="topics are PREFIX/GATEWAY/LANE and PREFIX/GATEWAY/state",
        ),
    ] = "edge"
    payload: Annotated[Payload, Field(description="what messages look like: docs/payloads.md")] = (
        "senml"
    )
    api_key_file: Annotated[
        Path | None,
        Field(
            description="iot_agent: file whose first line is the API key of the service group",
            examples=["/etc/edge-gateway/api-key"],
        ),
    ] = None
    group: Annotated[
        str | None,
        Field(
            pattern=r"^[^/+#]+$",
            description="sparkplug_b: the group of the edge node",
            examples=["ekimae"],
        ),
    ] = None
    discovery_prefix: Annotated[
        str,
        Field(pattern=r"^[^+#]+$", description="home_assistant: its discovery prefix"),
    ] = "homeassistant"
    keepalive_s: Annotated[
        int, Field(ge=2, le=600, description="a dead link is noticed after about twice this")
    ] = 12
    inflight: Annotated[
        int, Field(ge=1, le=1000, description="messages sent and not yet acknowledged, at most")
    ] = 8
    max_packet_kb: Annotated[
        int,
        Field(
            ge=4,
            le=262_144,
            description="what is larger is sent in parts; the broker's own limit holds too",
        ),
    ] = 128
    backlog_share: Annotated[
        float,
        Field(ge=0, le=0.9, description="part of the rate for the backlog while live data waits"),
    ] = 0.5
    backlog_max_per_s: Annotated[
        float | None,
        Field(gt=0, description="readings of the backlog a second, at most", examples=[5000.0]),
    ] = None
    reconnect_max_s: Annotated[
        float, Field(ge=1, le=3600, description="longest wait between two attempts to connect")
    ] = 30.0
    start_spread_s: Annotated[
        float,
        Field(
            ge=0,
            le=3600,
            description="after the machine's boot the first connection waits up to so long, by "
            "chance: where power comes back to a city, its poles do not come all at once",
        ),
    ] = 30.0

    @model_validator(mode="after")
    def _a_password_needs_a_user(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file is given without username: add username")
        return self

    @model_validator(mode="after")
    def _a_version_is_not_both_chosen_and_refused(self) -> Self:
        if self.refuse_mqtt_3 and self.mqtt == "3.1.1":
            raise ValueError('mqtt = "3.1.1" is refused by refuse_mqtt_3: take one of them away')
        return self

    @model_validator(mode="after")
    def _a_payload_has_what_it_needs(self) -> Self:
        if self.payload == "iot_agent" and self.api_key_file is None:
            raise ValueError('payload = "iot_agent" needs api_key_file')
        if self.payload == "sparkplug_b" and self.group is None:
            raise ValueError('payload = "sparkplug_b" needs group')
        return self

    def client_name(self, gateway_id: str) -> str:
        """The MQTT client id."""
        if self.client_id is not None:
            return self.client_id
        return gateway_id if self.id == ONLY_UPLINK else f"{gateway_id}-{self.id}"


def check_together(uplinks: Sequence[UplinkConfig], gateway_id: str) -> None:
    """Raise ValueError where two uplinks would be in each other's way."""
    for place, later in enumerate(uplinks):
        for earlier in uplinks[:place]:
            both = f"uplinks {earlier.id!r} and {later.id!r}"
            if earlier.id == later.id:
                raise ValueError(f"uplink id {later.id!r} is used twice: give each its own id")
            if (earlier.host.lower(), earlier.port) != (later.host.lower(), later.port):
                continue
            if earlier.client_name(gateway_id) == later.client_name(gateway_id):
                raise ValueError(
                    f"{both} use client id {later.client_name(gateway_id)!r} at one broker, which "
                    "would drop the one for the other: give one another client_id"
                )
            if earlier.topic_prefix == later.topic_prefix:
                raise ValueError(
                    f"{both} publish under {later.topic_prefix!r} at one broker, and would "
                    "overwrite each other's state: give one another topic_prefix"
                )
