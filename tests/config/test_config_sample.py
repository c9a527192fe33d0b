"""The sample is complete, and valid as printed."""

from __future__ import annotations

import re
from pathlib import Path

from edge_gateway.config import (
    ClockConfig,
    Config,
    GatewayConfig,
    OutboxConfig,
    PrivacyConfig,
    UplinkConfig,
)
from edge_gateway.config_file import load_config
from edge_gateway.config_sample import sample
from edge_gateway.config_uplink import TlsConfig
from edge_gateway.drivers.registry import load, names


def the_sample() -> str:
    drivers = {name: load(name) for name in names()}
    return sample({name: (d.title, d.config_model) for name, d in drivers.items()})


def loaded(folder: Path, text: str) -> Config:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, lambda name: load(name).config_model)


def test_the_sample_as_printed_is_a_valid_configuration(tmp_path: Path) -> None:
    assert loaded(tmp_path, the_sample()).device


def test_counting_people_is_commented_out(tmp_path: Path) -> None:
    config = loaded(tmp_path, the_sample())
    assert config.privacy is None
    assert not any(device.counts_people for device in config.device)


def test_the_sample_with_the_counting_tables_taken_in_is_valid_too(tmp_path: Path) -> None:
    lines = the_sample().splitlines()
    taken_in: list[str] = []
    inside = False
    for line in lines:
        inside = (inside and line != "") or bool(re.match(r"# \[", line))
        taken_in.append(line.removeprefix("# ") if inside else line)
    config = loaded(tmp_path, "\n".join(taken_in))
    assert config.privacy is not None
    assert any(device.counts_people for device in config.device)


def test_every_key_of_every_table_stands_in_the_sample() -> None:
    text = the_sample()
    missing: list[str] = []
    sections = (GatewayConfig, ClockConfig, OutboxConfig, UplinkConfig, TlsConfig, PrivacyConfig)
    tables = [*sections, *(load(name).config_model for name in names())]
    for model in tables:
        for name, field in model.model_fields.items():
            shown = re.search(
                rf"^#? ?(# )?{name} = |^(# )?\[+[a-z.]*{name}\]+$", text, re.MULTILINE
            )
            if not shown or not field.description:
                missing.append(f"{model.__name__}.{name}")
    assert not missing


def test_an_address_is_written_as_data_sheets_write_it() -> None:
    text = the_sample()
    assert "# address = 0x76" in text
    assert "(at least 0x76, at most 0x77)" in text
    assert not re.search(r"^#? ?address = \d+$", text, re.MULTILINE)


def test_every_driver_stands_in_the_sample() -> None:
    text = the_sample()
    assert all(f'driver = "{name}"' in text for name in names())
