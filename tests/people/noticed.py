"""Poles whose notice is looked at."""

from __future__ import annotations

from collections.abc import Mapping

from edge_gateway.config import Config
from edge_gateway.people.camera import CameraConfig
from edge_gateway.people.notice_facts import Facts, facts_of

CAMERA: Mapping[str, object] = {
    "id": "entrance",
    "driver": "camera",
    "source": "rtsp://user:secret@camera.example/stream",
    "line": [{"name": "gate", "start": [100, 300], "end": [500, 300]}],
}
PRIVACY: Mapping[str, object] = {
    "purpose": "Width of the footway",
    "operator": "City of Example",
    "contact": "roads@city.example",
    "legal_basis": "Footway Ordinance, article 7",
    "retention": "five years",
    "notice_posted": True,
    "purpose_ja": "歩道幅員の検討",
    "operator_ja": "〇〇市",
}


def facts(
    *cameras: Mapping[str, object], privacy: Mapping[str, object] | None = None, **more: object
) -> Facts:
    devices = [CameraConfig.model_validate({**CAMERA, **camera}) for camera in cameras or ({},)]
    config = Config.model_validate(
        {
            "gateway": {"id": "pole-1", "name": "Ekimae"},
            "uplink": {"host": "broker.example"},
            "privacy": {**PRIVACY, **(privacy or {})},
            "device": devices,
            **more,
        }
    )
    return facts_of(config, "9.8.7")
