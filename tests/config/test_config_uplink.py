"""One uplink or several: what gateway.toml may say of them, and what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_gateway.config import Config, UplinkConfig, fingerprint
from edge_gateway.config_file import ConfigError, load_config
from edge_gateway.drivers.registry import load

HEAD = '[gateway]\nid = "pole-1"\n'
ONE = '[uplink]\nhost = "a.example.org"\n'


def loaded(folder: Path, text: str) -> Config:
    path = folder / "gateway.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_config(path, lambda name: load(name).config_model)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return [line.partition("gateway.toml")[2] for line in caught.value.lines()]


def test_a_single_table_is_the_uplink_called_main(tmp_path: Path) -> None:
    (uplink,) = loaded(tmp_path, ONE).uplink
    assert (uplink.id, uplink.client_name("pole-1")) == ("main", "pole-1")


def test_several_tables_are_several_uplinks(tmp_path: Path) -> None:
    second = '[[uplink]]\nid = "city"\nhost = "b"\n[uplink.tls]\nca_file = "c"\n'
    text = f'[[uplink]]\nhost = "a"\n{second}'
    main, city = loaded(tmp_path, text).uplink
    assert [main.id, city.id, city.client_name("pole-1")] == ["main", "city", "pole-1-city"]
    assert city.tls
    assert city.tls.ca_file == Path("c")


def test_a_mistake_is_named_as_it_is_written(tmp_path: Path) -> None:
    single = '[uplink]\nhots = "a"\n'
    assert problems(tmp_path, single)[-1].startswith(":4: uplink.hots: unknown key 'hots'; did")
    text = '[[uplink]]\nhost = "a"\n[[uplink]]\nid = "b"\nhots = "b"\n'
    assert problems(tmp_path, text)[-1].startswith(":7: uplink[1].hots: unknown key 'hots'; did")


CASES = {
    "same id": ('[[uplink]]\nhost = "a"\n[[uplink]]\nhost = "b"\n', "'main' is used twice"),
    "same client": (
        '[[uplink]]\nhost = "a"\n[[uplink]]\nid = "b"\nhost = "A"\nclient_id = "pole-1"\n',
        "use client id 'pole-1' at one broker",
    ),
    "same topics": (
        '[[uplink]]\nhost = "a"\n[[uplink]]\nid = "b"\nhost = "a"\n',
        "publish under 'edge' at one broker",
    ),
    "3.1.1 chosen and refused": (
        f'{ONE}mqtt = "3.1.1"\nrefuse_mqtt_3 = true\n',
        "refused by refuse_mqtt_3",
    ),
    "agent without a key": (f'{ONE}payload = "iot_agent"\n', "needs api_key_file"),
    "sparkplug without a group": (f'{ONE}payload = "sparkplug_b"\n', "needs group"),
    "ngsi without a place": (f'{ONE}payload = "ngsi_ld"\n', "give latitude and longitude"),
    "unknown payload": (f'{ONE}payload = "xml"\n', "uplink.payload: input should be 'senml'"),
    "unknown zone": (f'time_zone = "Mars/Olympus"\n{ONE}', "no time zone known here"),
}


@pytest.mark.parametrize("name", CASES)
def test_uplinks_that_cannot_be_are_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    text, said = CASES[name]
    assert said in "\n".join(problems(tmp_path, text))


def test_a_gateway_without_an_uplink_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(f"uplink = []\n{HEAD}", encoding="utf-8")
    with pytest.raises(ConfigError, match="at least 1 item"):
        load_config(path, lambda name: load(name).config_model)


def test_at_two_brokers_the_same_names_are_fine(tmp_path: Path) -> None:
    other = '[[uplink]]\nid = "b"\nhost = "a"\nport = 1884\nclient_id = "pole-1"\n'
    text = f'[[uplink]]\nhost = "a"\n{other}'
    assert len(loaded(tmp_path, text).uplink) == 2


def config(**uplink: object) -> Config:
    return Config.model_validate({"gateway": {"id": "p"}, "uplink": {"host": "b", **uplink}})


def test_the_fingerprint_changes_with_the_configuration() -> None:
    assert fingerprint(config()) == fingerprint(config())
    assert fingerprint(config()) != fingerprint(config(port=8884))


def test_the_fingerprint_holds_no_password_of_a_url() -> None:
    made = [config(host=f"rtsp://viewer:{word}@camera") for word in ("secret", "other")]
    assert fingerprint(made[0]) == fingerprint(made[1])


def test_one_uplink_may_be_given_in_code() -> None:
    uplink = UplinkConfig(host="b")
    assert Config.model_validate({"gateway": {"id": "p"}, "uplink": uplink}).uplink == (uplink,)
