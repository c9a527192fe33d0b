"""All uplinks of a gateway: a thread and a cursor in the outbox each, none waits for another."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from edge_gateway.clock import Clock
from edge_gateway.config import Config, fingerprint
from edge_gateway.outbox import Outbox
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.pictures import Picture
from edge_gateway.uplink.publisher import Uplink
from edge_gateway.uplink.status import UplinkStatus


class Uplinks:
    """The uplinks of `config`; `outbox` has their ids as its consumers."""

    def __init__(
        self, outbox: Outbox, config: Config, *, clock: Clock, random: Random, version: str
    ) -> None:
        pole = pole_of(config, version)
        about = {"version": version, "config": fingerprint(config)}
        self._uplinks = [
            Uplink(outbox, one, pole, clock=clock, random=random, about=about)
            for one in config.uplink
        ]

    def start(self) -> None:
        """Connect and deliver from now on, until `stop`."""
        for uplink in self._uplinks:
            uplink.start()

    def stop(self, deadline_s: float) -> bool:
        """Stop all of them, at the same time, as `Uplink.stop`; whether all have ended."""
        for uplink in self._uplinks:
            uplink.ask_to_stop(deadline_s)
        ended = [uplink.join(deadline_s) for uplink in self._uplinks]
        return all(ended)

    def tell_sensing(self, sensing: Mapping[str, object]) -> None:
        """Have each say in its retained state who counts people now; any thread may."""
        for uplink in self._uplinks:
            uplink.tell_sensing(sensing)

    @property
    def are_draining(self) -> bool:
        """Whether a backlog goes out at this moment, on any of them."""
        return any(uplink.status().draining for uplink in self._uplinks)

    def show(self, picture: Picture) -> None:
        """Send a picture through each that sends pictures, when no reading waits there."""
        for uplink in self._uplinks:
            uplink.show(picture)

    def status(self) -> Mapping[str, UplinkStatus]:
        """The state of each by its id, in the order of the configuration."""
        found = (uplink.status() for uplink in self._uplinks)
        return {status.id: status for status in found}


def pole_of(config: Config, version: str) -> Pole:
    """What payloads say of this gateway, beside what an uplink adds."""
    gateway, privacy = config.gateway, config.privacy
    return Pole(
        gateway.id,
        name=gateway.name,
        latitude=gateway.latitude,
        longitude=gateway.longitude,
        operator=privacy.operator if privacy else "",
        time_zone=gateway.time_zone,
        software_version=version,
    )
