"""Which drivers there are: the modules of this folder, and entry points of other packages."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeGuard

import edge_gateway.drivers
from edge_gateway.drivers.contract import Driver, PolledDriver, TalkingDriver

ENTRY_POINTS = "edge_gateway.drivers"

# Modules of this folder that are no device.
_NO_DRIVERS = frozenset({"contract", "recognition", "registry"})

# Modules of this folder behind which there is no device but programs.
_FOR_PROGRAMS = frozenset({"local"})


class UnknownDriver(ValueError):
    """No driver of this name, or one that cannot be loaded; the message says what to write."""


def names() -> tuple[str, ...]:
    """Names of all drivers, sorted: built in and brought by installed packages."""
    return tuple(sorted({*built_in_names(), *_FOR_PROGRAMS, *_plugins()}))


def built_in_names() -> tuple[str, ...]:
    """Names of this folder's drivers for devices, sorted; none of them is imported for it."""
    modules = {module.name for module in pkgutil.iter_modules(edge_gateway.drivers.__path__)}
    return tuple(sorted(modules - _NO_DRIVERS - _FOR_PROGRAMS))


def load(name: str) -> type[Driver[Any, Any]]:
    """The driver class of this name, imported now; a built-in one wins over a package's.

    Raises UnknownDriver, which names the nearest drivers there are.
    """
    if name in built_in_names() or name in _FOR_PROGRAMS:
        return _defined_in(importlib.import_module(f"{edge_gateway.drivers.__name__}.{name}"))
    plugin = _plugins().get(name)
    if plugin is None:
        raise UnknownDriver(_unknown(name))
    return _loaded(plugin)


def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _defined_in(module: ModuleType) -> type[Driver[Any, Any]]:
    drivers = [
        member
        for member in vars(module).values()
        if _is_driver(member) and member.__module__ == module.__name__
    ]
    if len(drivers) != 1:
        raise UnknownDriver(f"{module.__name__} defines {len(drivers)} drivers; it must define one")
    return drivers[0]


def _loaded(plugin: EntryPoint) -> type[Driver[Any, Any]]:
    source = f"driver {plugin.name!r} ({plugin.value})"
    try:
        driver = plugin.load()
    except (ImportError, AttributeError) as error:
        raise UnknownDriver(f"{source} cannot be loaded: {error}") from error
    if not _is_driver(driver):
        raise UnknownDriver(f"{source} is no PolledDriver or TalkingDriver")
    return driver


def _is_driver(member: object) -> TypeGuard[type[Driver[Any, Any]]]:
    if not inspect.isclass(member) or inspect.isabstract(member):
        return False
    return issubclass(member, (PolledDriver, TalkingDriver))


def _unknown(name: str) -> str:
    known = names()
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    question = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"there is no driver {name!r}.{question} Drivers: {', '.join(known)}"
