"""What a notice may say: facts of the configuration and of the code, gathered in one place.

Nothing here is written for the notice: lengths, modes, fields and limits are those that the
counting itself works by.
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from edge_gateway.config import Config, DeviceConfig, PrivacyConfig
from edge_gateway.drivers.registry import load
from edge_gateway.people import boundary
from edge_gateway.people.camera import CameraConfig
from edge_gateway.people.counter_settings import CALIBRATION_INTERVAL_S, CALIBRATION_S


class NoticeError(Exception):
    """The notice cannot be made; the message says why and what to do."""


class NobodyIsCounted(NoticeError):
    """Nothing of this configuration counts people: no notice is needed."""


@dataclass(frozen=True, slots=True)
class CameraFacts:
    """How one camera counts; times in seconds."""

    device: str
    lines: int
    zones: int
    masks: int
    window_s: float
    pictures: str
    picture_interval_s: float
    calibration_s: float
    calibration_interval_s: float
    stand_still_s: float
    least_count: int
    round_to: int
    forget_s: float
    model: str
    model_sha256: str


@dataclass(frozen=True, slots=True)
class OtherFacts:
    """A device of another driver that counts people."""

    device: str
    title: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """A broker that is sent the counts."""

    host: str
    port: int
    is_encrypted: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All that sheet and statement are made of.

    `crossing`: each message that may leave the camera's process, and its parts, with their fields.
    """

    gateway: str
    version: str
    permission: PrivacyConfig
    is_posted: bool
    cameras: tuple[CameraFacts, ...]
    others: tuple[OtherFacts, ...]
    recipients: tuple[Recipient, ...]
    outbox_folder: str
    outbox_mb: int
    crossing: Mapping[str, tuple[str, ...]]
    messages: tuple[str, ...]


def facts_of(config: Config, version: str, *, is_posted: bool = True) -> Facts:
    """Gather them. Raises NobodyIsCounted, or NoticeError when the detector cannot be named."""
    counting = [device for device in config.device if device.counts_people]
    if not counting or config.privacy is None:
        raise NobodyIsCounted(
            f"nothing counts people at {config.gateway.id}: no device of the configuration does, "
            "so no notice is needed"
        )
    gateway = config.gateway
    return Facts(
        gateway=f"{gateway.name} ({gateway.id})" if gateway.name else gateway.id,
        version=version,
        permission=config.privacy,
        is_posted=is_posted,
        cameras=tuple(_camera(one) for one in counting if isinstance(one, CameraConfig)),
        others=tuple(_other(one) for one in counting if not isinstance(one, CameraConfig)),
        recipients=tuple(Recipient(u.host, u.port, u.tls is not False) for u in config.uplink),
        outbox_folder=str(config.outbox.folder),
        outbox_mb=config.outbox.quota_mb,
        crossing={
            kind.__name__: tuple(field.name for field in dataclasses.fields(kind))
            for kind in parts_of(boundary.Message)
        },
        messages=tuple(kind.__name__ for kind in typing.get_args(boundary.Message)),
    )


def parts_of(annotation: object) -> list[type]:
    """The dataclasses of a type and of their fields' types, in order, each once."""
    return list(dict.fromkeys(_parts_of(annotation)))


def _parts_of(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        yield annotation
        for hint in typing.get_type_hints(annotation).values():
            yield from _parts_of(hint)
    for argument in typing.get_args(annotation):
        yield from _parts_of(argument)


def _camera(config: CameraConfig) -> CameraFacts:
    model, model_sha256, forget_s = _of_counter(config.model)
    return CameraFacts(
        device=config.id,
        lines=len(config.line),
        zones=len(config.zone),
        masks=len(config.mask),
        window_s=config.interval_s,
        pictures=config.pictures,
        picture_interval_s=config.picture_interval_s,
        calibration_s=CALIBRATION_S,
        calibration_interval_s=CALIBRATION_INTERVAL_S,
        stand_still_s=config.stand_still_s,
        least_count=config.least_count,
        round_to=config.round_to,
        forget_s=forget_s,
        model=model,
        model_sha256=model_sha256,
    )


def _other(config: DeviceConfig) -> OtherFacts:
    return OtherFacts(config.id, load(config.driver).title)


def _of_counter(side: int) -> tuple[str, str, float]:
    """Name and hash of the very file that would count, and how long a walker is remembered (s).

    What knows them needs the camera extra.
    """
    try:
        detect = importlib.import_module("edge_gateway.people.detect")
        lines = importlib.import_module("edge_gateway.people.lines")
    except ImportError as error:
        raise NoticeError(
            f"the notice names the detector, and {error.name} is not installed: "
            "pip install 'edge-gateway[camera,notice]'"
        ) from error
    try:
        path: Path = detect.shipped_model(side)
        digest: str = detect.model_hash(path)
    except detect.ModelError as error:
        raise NoticeError(str(error)) from error
    return path.stem, digest, cast("float", lines.FORGET_S)
