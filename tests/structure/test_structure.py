"""The road runs one way: DESIGN's picture of who may import whom, read from the imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "edge_gateway"

# A station may import itself and what stands here; `app` and `cli` alone see all.
GROUND = {"reading", "clock", "config"}
ALLOWED: Mapping[str, set[str]] = {
    "reading": set(),
    "clock": {"reading"},
    "config": {"reading", "clock"},
    "links": GROUND,
    "drivers": GROUND | {"links"},
    "supervise": GROUND | {"links", "drivers"},
    "people": GROUND | {"links", "drivers"},
    "trust": GROUND,
    "summarise": GROUND,
    "outbox": GROUND,
    "uplink": GROUND | {"outbox"},
    "twins": {"reading", "links.frames", "drivers"},
    "health": GROUND | {"supervise"},
    "app": GROUND
    | {"links", "drivers", "supervise", "people", "trust", "summarise", "outbox", "uplink"}
    | {"twins", "health"},
}
# The station a file belongs to, where it is not the first part of its name.
STATIONS = {
    "config_file": "config",
    "config_privacy": "config",
    "config_sample": "config",
    "config_section": "config",
    "config_uplink": "config",
    "device_health": "supervise",
    "handed": "supervise",
    "measured": "supervise",
    "wiring": "app",
    "outage": "app",
    "__main__": "cli",
    "__init__": "",
}

# What a station may not import from outside: a driver keeps no clock, thread, store or uplink.
FORBIDDEN: Mapping[str, set[str]] = {
    "drivers": {"sqlite3", "paho", "threading", "time", "logging", "random"},
    "people/boundary.py": {"socket", "cv2", "numpy", "onnxruntime"},
    "people/camera.py": {"cv2", "numpy", "onnxruntime"},
    "reading": {"time", "os"},
}
BANNED_WORDS = {"util", "utils", "common", "helper", "helpers", "manager", "service"}


MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@cache
def parsed(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


@cache
def nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


@pytest.fixture(scope="module", autouse=True)
def trees_for_this_file_alone() -> Iterator[None]:
    """A million nodes that stay would slow down all tests to come."""
    yield
    parsed.cache_clear()
    nodes.cache_clear()


def station(module: str) -> str:
    first = module.split("/", maxsplit=1)[0].removesuffix(".py")
    return STATIONS.get(first, first)


def imports(tree: ast.Module) -> Iterator[str]:
    """Every imported module by its full dotted name; `from a import b` gives `a.b`."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_arrows(module: str, tree: ast.Module) -> list[str]:
    here = station(module)
    if here == "cli":
        return []
    wrong: list[str] = []
    for name in imports(tree):
        parts = name.split(".")
        if parts[0] != "edge_gateway" or parts[1:] in ([], ["__version__"]):
            continue
        there = station(parts[1])
        allowed = ALLOWED[here] | {here}
        if there not in allowed and ".".join(parts[1:3]) not in allowed:
            wrong.append(f"{module} imports {name}: {here} may import {sorted(allowed)}")
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_a_station_imports_only_what_stands_above_it(module: str) -> None:
    assert not wrong_arrows(module, parsed(module))


@pytest.mark.parametrize("module", MODULES)
def test_a_station_keeps_out_what_is_not_its_business(module: str) -> None:
    forbidden = FORBIDDEN.get(module, set()) | FORBIDDEN.get(station(module), set())
    outside = {name.split(".")[0] for name in imports(parsed(module))}
    assert not outside & forbidden


def test_every_station_of_the_road_is_known_to_this_test() -> None:
    assert {station(module) for module in MODULES} - {"", "cli"} == set(ALLOWED)


def test_the_test_sees_a_wrong_arrow() -> None:
    tree = ast.parse("from edge_gateway.outbox.store import Outbox")
    assert wrong_arrows("drivers/thermometer.py", tree)


def test_a_twin_may_not_take_more_of_the_links_than_their_frames() -> None:
    tree = ast.parse("from edge_gateway.links.serial import SerialPort")
    assert wrong_arrows("twins/thermometer.py", tree)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_called_by_a_name_that_says_nothing(module: str) -> None:
    words = set(module.removesuffix(".py").replace("/", "_").split("_"))
    assert not words & BANNED_WORDS


def blanket_handlers(tree: ast.Module) -> list[int]:
    return [
        handler.lineno
        for handler in nodes(tree)
        if isinstance(handler, ast.ExceptHandler)
        and (
            handler.type is None
            or (isinstance(handler.type, ast.Name) and "Exception" in handler.type.id)
        )
    ]


@pytest.mark.parametrize("module", MODULES)
def test_only_the_supervisor_catches_everything(module: str) -> None:
    assert module == "supervise.py" or not blanket_handlers(parsed(module))


@pytest.mark.parametrize("folder", ["benchmarks", "campaigns", "docs", "fuzz", "models"])
def test_no_program_beside_the_package_catches_everything(folder: str) -> None:
    trees = {
        path.name: ast.parse(path.read_text(encoding="utf-8"))
        for path in (PACKAGE.parent / folder).rglob("*.py")
    }
    assert trees
    assert [name for name, tree in trees.items() if blanket_handlers(tree)] == []


@pytest.mark.parametrize("module", MODULES)
def test_only_the_configuration_reads_the_environment(module: str) -> None:
    reads = [
        node.lineno
        for node in nodes(parsed(module))
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert station(module) == "config" or not reads


@pytest.mark.parametrize("module", MODULES)
def test_a_file_stays_under_three_hundred_lines_and_a_function_under_forty(module: str) -> None:
    tree = parsed(module)
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in nodes(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > 40
    ]
    lines = len((PACKAGE / module).read_text(encoding="utf-8").splitlines())
    assert not long
    assert lines <= 300
