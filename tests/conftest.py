"""What tests share: a clock that stands still, a scene, and programs that run beside them all.

A test marked `beside(*command)` asks for the fixture `beside` to learn what came of its command.
Those tests come last; their commands begin with the first test and run one after another.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from edge_gateway.clock import Clock, WallTime
from edge_gateway.reading import Stamp
from edge_gateway.twins.weather import WeatherScene
from tests.beside import Beside, Command, Done

# The machine is shared: how long an example takes says nothing about the code.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seed",
        type=int,
        default=1,
        help="other weather, other faults: tests/drivers (%(default)s)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "beside(*command): its program runs beside other tests")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: command_of(item) is not None)


def command_of(item: pytest.Item) -> Command | None:
    marker = item.get_closest_marker("beside")
    return None if marker is None else marker.args


@pytest.fixture(scope="session", autouse=True)
def programs(request: pytest.FixtureRequest) -> Iterator[Beside]:
    """The programs of all tests to come; nothing runs where none is asked for."""
    # Where the tests run side by side themselves, a program begins when its test does.
    alone = not hasattr(request.config, "workerinput")
    items = request.session.items if alone else ()
    running = Beside(command for item in items if (command := command_of(item)))
    yield running
    running.close()


@pytest.fixture
def beside(programs: Beside, request: pytest.FixtureRequest) -> Done:
    """What came of the program of this test."""
    command = command_of(request.node)
    assert command is not None
    return programs.done(command)


class FrozenClock:
    """Time passes only while somebody sleeps on it."""

    def __init__(self) -> None:
        self.monotonic_ns = 1_000_000_000

    def now(self) -> Stamp:
        return Stamp("boot", self.monotonic_ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        del stamp

    def sleep(self, seconds: float) -> None:
        self.monotonic_ns += round(seconds * 1e9)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """What the run was asked to draw its chances from."""
    return int(request.config.getoption("--seed", default=1) or 0)


@pytest.fixture
def frozen() -> Clock:
    return FrozenClock()


@pytest.fixture
def scene() -> WeatherScene:
    return WeatherScene(seed=7)
