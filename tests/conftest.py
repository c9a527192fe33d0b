"""What tests of links, drivers and twins share: a clock that stands still, and a scene."""

from __future__ import annotations

import pytest
from hypothesis import settings

from edge_gateway.clock import Clock, WallTime
from edge_gateway.reading import Stamp
from edge_gateway.twins.weather import WeatherScene

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
