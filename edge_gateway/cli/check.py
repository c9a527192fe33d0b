"""`edge-gateway check`."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_gateway.cli.terminal import Exit, out, print_json
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.config_file import ConfigError, Problem, load_config, locate
from edge_gateway.drivers.registry import load
from edge_gateway.outage import outage_problem
from edge_gateway.people import geometry
from edge_gateway.people.camera import CameraConfig
from edge_gateway.uplink.payloads import FORMATS
from edge_gateway.uplink.payloads import load as payload_format
from edge_gateway.wiring import conflicts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", type=Path, metavar="FILE", help="the gateway.toml to check")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(arguments: argparse.Namespace) -> Exit:
    """Say what is wrong with it, or what it holds; exit code 3 when it cannot be used."""
    path: Path = arguments.config
    try:
        config = read(path)
        refuse_broken_promise(path, config)
    except ConfigError as error:
        if not arguments.json:
            raise
        problems = [{"line": p.line, "key": p.key, "what": p.what} for p in error.problems]
        print_json({"file": str(path), "ok": False, "problems": problems})
        return Exit.CONFIG
    notes = [*notes_on(config), *notes_on_pictures(config)]
    if arguments.json:
        print_json({"file": str(path), "ok": True, "problems": [], "notes": notes})
    else:
        devices = ", ".join(f"{d.id} ({d.driver})" for d in config.device) or "no devices"
        out().print(f"{path}: good. Gateway {config.gateway.id}: {devices}.")
        for note in notes:
            out().print(f"note: {note}")
    return Exit.DONE


def notes_on(config: Config) -> list[str]:
    """What is allowed and may not be what was meant."""
    if any(payload_format(uplink.payload).is_lossless for uplink in config.uplink):
        return []
    whole = [name for name in FORMATS if payload_format(name).is_lossless]
    used = " and ".join(sorted({uplink.payload for uplink in config.uplink}))
    left_out = "leaves out what it has no words for, and what it leaves out is not kept"
    cure = f"Add an uplink with payload {', '.join(whole)}, or leave it so"
    return [f"no uplink delivers every reading: {used} {left_out}. {cure}"]


def notes_on_pictures(config: Config) -> list[str]:
    """What is drawn into a camera's picture, works, and may not be what was meant."""
    return [
        f"{device.id}: {warning}"
        for device in config.device
        if isinstance(device, CameraConfig)
        for warning in geometry.warnings(device)
    ]


def read(path: Path) -> Config:
    """Load a configuration with the models of all known drivers; raises ConfigError."""
    return load_config(path, config_model, conflicts)


def refuse_broken_promise(path: Path, config: Config) -> None:
    """Raise ConfigError where the quota cannot hold the outage that is promised.

    `run` starts nevertheless: half an outage kept is better than none.
    """
    if problem := outage_problem(config):
        where = locate(path.read_text(encoding="utf-8"))
        line = where.get(("outbox", "quota_mb"), where.get(("outbox",), 0))
        raise ConfigError(path, [Problem(line, "outbox.quota_mb", problem)])


def config_model(driver: str) -> type[DeviceConfig]:
    """The model of a driver's `[[device]]` table; raises ValueError for an unknown driver."""
    return load(driver).config_model
