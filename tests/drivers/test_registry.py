"""Drivers by name: found without import, loaded one by one, brought by other packages."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from edge_gateway.drivers import registry
from edge_gateway.drivers.registry import UnknownDriver
from edge_gateway.drivers.sht import Sht


def brings(monkeypatch: pytest.MonkeyPatch, name: str, target: str) -> None:
    point = EntryPoint(name, target, registry.ENTRY_POINTS)

    def points(**_: Any) -> EntryPoints:
        return EntryPoints([point])

    monkeypatch.setattr(registry, "entry_points", points)


def test_the_modules_of_the_folder_are_the_built_in_drivers() -> None:
    assert {"hukseflux", "sht", "windsonic"} <= set(registry.built_in_names())
    assert not {"contract", "registry"} & set(registry.built_in_names())


def test_a_driver_is_loaded_by_its_name() -> None:
    assert registry.load("sht") is Sht


def test_naming_the_drivers_imports_none() -> None:
    code = (
        "import sys; from edge_gateway.drivers import registry; registry.names();"
        " registry.load('hukseflux');"
        " print(*[m for m in sys.modules if m.startswith('edge_gateway.drivers.')])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert "edge_gateway.drivers.hukseflux" in run.stdout.split()
    assert "edge_gateway.drivers.windsonic" not in run.stdout.split()


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UnknownDriver, match=r"no driver 'windsonik'\. Did you mean 'windsonic'\?"):
        registry.load("windsonik")


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(
        ValueError, match=r"no driver '42'\. Drivers: .*hukseflux, .*sht, .*windsonic"
    ):
        registry.load("42")


@pytest.mark.parametrize("name", ["contract", "registry", "../sht", ""])
def test_what_is_no_device_is_no_driver(name: str) -> None:
    with pytest.raises(UnknownDriver):
        registry.load(name)


def test_another_package_can_bring_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, "barometer", "edge_gateway.drivers.sht:Sht")
    assert "barometer" in registry.names()
    assert registry.load("barometer") is Sht


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("no_such_package:Driver", "cannot be loaded: No module named 'no_such_package'"),
        ("edge_gateway.drivers.sht:Nothing", "cannot be loaded"),
        ("edge_gateway.drivers.sht:decode", "is no PolledDriver or TalkingDriver"),
    ],
)
def test_a_broken_package_says_which_driver_it_broke(
    monkeypatch: pytest.MonkeyPatch, target: str, says: str
) -> None:
    brings(monkeypatch, "barometer", target)
    with pytest.raises(UnknownDriver, match=rf"driver 'barometer' .*{says}"):
        registry.load("barometer")


def test_a_package_cannot_replace_a_built_in_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, "sht", "edge_gateway.drivers.windsonic:WindSonic")
    assert registry.load("sht") is Sht
