"""What every built-in driver shows of itself: its kind, its title, its configuration."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from edge_gateway.drivers import registry
from edge_gateway.drivers.contract import Driver, PolledDriver, TalkingDriver

NAMES = registry.built_in_names()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_polled_or_a_talking_driver(name: str) -> None:
    driver = registry.load(name)
    assert issubclass(driver, (PolledDriver, TalkingDriver))
    assert driver.__base__ is not Driver


@pytest.mark.parametrize("name", NAMES)
def test_its_title_is_one_line_of_its_own(name: str) -> None:
    titles = [registry.load(other).title for other in NAMES]
    title = registry.load(name).title
    assert title.strip()
    assert "\n" not in title
    assert titles.count(title) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_its_configuration_is_described(name: str) -> None:
    fields = registry.load(name).config_model.model_fields
    assert not [key for key, field in fields.items() if not field.description]


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_key_of_its_configuration_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        registry.load(name).config_model(id="a", driver=name, no_such_key=1)  # pyright: ignore[reportCallIssue]  that is what is tested
