"""thingsboard-gateway with its SQLite storage, in a virtual environment of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.peers.contract import Block, Ground, Peer, Started, launch
from benchmarks.peers.handovers import Lines

LINE = '{"device":"%s","value":%d,"ts":%d}\n'
KEY = "v"
_LAUNCHER = Path(__file__).with_name("thingsboard_launch.py")
_TELEMETRY = "v1/gateway/telemetry"
_REQUEST, _RESPONSE = "v1/devices/me/rpc/request/", "v1/devices/me/rpc/response/"
# Nobody listens on the discard port: its question for updates and its pip stay on this machine.
_NOWHERE = "http://127.0.0.1:9"
# A platform without limits; an empty text is none (tb_device_mqtt.on_service_configuration).
_NO_LIMIT = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
_LOGS = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {},
    "root": {"level": "WARNING", "handlers": ["stream"]},
}
_LIMITS = {
    "maxPayloadSize": 65536,
    "maxInflightMessages": 100,
    "rateLimits": _NO_LIMIT,
    "gatewayRateLimits": _NO_LIMIT,
}


def thingsboard(python: Path) -> Peer:
    """thingsboard-gateway as installed beside the interpreter `python` of a virtual environment."""
    # Not resolved: the link is what makes it the virtual environment's.
    interpreter = python.absolute()
    return Peer(
        "thingsboard",
        "thingsboard-gateway 3.8.5, storage sqlite, the rest as in its sample configuration but "
        "statistics and file logs off; fed by send_to_storage in the leanest custom connector",
        "send_to_storage returned SUCCESS: on a queue in memory, a thread writes it later",
        decode,
        rush_readings=50_000,
        backlog_readings=100_000,
        backlog_rate_hz=4000.0,
        start=partial(_start, interpreter),
        missing=partial(_missing, interpreter),
        answer=answer,
    )


def _missing(python: Path) -> str | None:
    if python.exists():
        return None
    return "thingsboard-gateway is not installed: `make bench` does it, or give --thingsboard"


def _start(python: Path, ground: Ground) -> Started:
    folder = ground.folder
    (folder / "data").mkdir()
    for name, content in _settings(folder, ground.uplink_port).items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    command = [str(python), str(_LAUNCHER), str(folder / "tb_gateway.json")]
    process = launch(command, folder, PIP_NO_INDEX="1", **proxies)
    return Started(process, partial(Lines, folder / "bench.sock", LINE, in_ms=True))


def decode(topic: str, payload: bytes) -> Iterator[Block]:
    """Its gateway telemetry: by device a list of `ts` and `values`."""
    if topic != _TELEMETRY:
        return
    for entries in json.loads(payload).values():
        numbers = [entry["values"][KEY] for entry in entries if KEY in entry["values"]]
        if numbers:
            yield Block(None, "", numbers)


def answer(topic: str, _payload: bytes) -> tuple[str, bytes] | None:
    """What the platform answers to getSessionLimits; without it nothing would ever be sent."""
    if not topic.startswith(_REQUEST):
        return None
    return _RESPONSE + topic.removeprefix(_REQUEST), json.dumps(_LIMITS).encode()


def _settings(folder: Path, port: int) -> dict[str, object]:
    return {
        "tb_gateway.json": {
            "thingsboard": {
                "host": "127.0.0.1",
                "port": port,
                "remoteShell": False,
                "remoteConfiguration": False,
                "latencyDebugMode": False,
                "statistics": {"enable": False},
                "deviceFiltering": {"enable": False},
                "maxPayloadSizeBytes": 8196,
                "minPackSendDelayMS": 50,
                "minPackSizeToSend": 500,
                "security": {"type": "accessToken", "accessToken": "bench"},
                "qos": 1,
                "reportStrategy": {"type": "ON_RECEIVED"},
                "checkingDeviceActivity": {"checkDeviceInactivity": False},
            },
            "storage": {
                "type": "sqlite",
                "data_file_path": f"{folder}/data/",
                "messages_ttl_check_in_hours": 1,
                "messages_ttl_in_days": 7,
            },
            "grpc": {"enabled": False},
            "connectors": [
                {
                    "name": "bench",
                    "type": "bench",
                    "class": "BenchConnector",
                    "configuration": "bench.json",
                }
            ],
        },
        "bench.json": {"socket": f"{folder}/bench.sock"},
        "logs.json": _LOGS,
    }
