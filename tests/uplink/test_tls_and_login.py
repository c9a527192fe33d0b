"""TLS, client certificates and passwords against mosquitto; what is wrong is said in words."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme

from edge_gateway.config import UplinkConfig
from edge_gateway.twins.broker import Broker

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Plain = Callable[..., UplinkConfig]
Mosquitto = Callable[[str], Broker]


@dataclass(frozen=True, slots=True)
class Papers:
    """Files of certificates: the CA, the broker's, the gateway's, and a CA nobody asked for."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def other_ca(self) -> Path:
        return self.folder / "other-ca.pem"

    def gateway(self) -> dict[str, str]:
        return {
            "certificate_file": str(self.folder / "gateway.pem"),
            "key_file": str(self.folder / "gateway.key"),
        }

    def broker(self, more: str = "") -> str:
        return (
            f"cafile {self.ca}\ncertfile {self.folder / 'broker.pem'}\n"
            f"keyfile {self.folder / 'broker.key'}\n{more}\n"
        )


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other-ca.pem"))
    issued = {
        "broker": ca.issue_cert("127.0.0.1", "broker.example"),
        "elsewhere": ca.issue_cert("elsewhere.example"),
        "gateway": ca.issue_cert("pole-1@example.org", common_name="pole-1"),
    }
    for name, cert in issued.items():
        cert.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        chain = b"".join(part.bytes() for part in cert.cert_chain_pems)
        (folder / f"{name}.pem").write_bytes(chain)
    return Papers(folder)


ANYONE = "allow_anonymous true"
CERTIFIED = "require_certificate true\nuse_identity_as_username true"


def test_over_tls_everything_arrives(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    port = mosquitto(papers.broker(ANYONE)).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.ca)}))
    pole.give(20)
    pole.uplink.start()
    pole.until_empty()
    assert pole.status.broker == f"mqtts://127.0.0.1:{port}"


def test_a_client_certificate_opens_the_door(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    port = mosquitto(papers.broker(CERTIFIED)).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.ca), **papers.gateway()}))
    pole.give(3)
    pole.uplink.start()
    pole.until_empty()


def test_without_a_client_certificate_the_error_speaks_of_it(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    port = mosquitto(papers.broker(CERTIFIED)).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.ca)}))
    pole.uplink.start()
    pole.until_error("certificate")
    assert not pole.status.connected


def test_a_broker_of_another_ca_is_not_trusted(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    port = mosquitto(papers.broker(ANYONE)).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.other_ca)}))
    pole.give()
    pole.uplink.start()
    pole.until_error(f"the certificate of 127.0.0.1:{port} is not trusted")
    pole.until_error("uplink.tls.ca_file")
    assert pole.outbox.stats().blocks == 1


def test_a_certificate_for_another_name_is_refused(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    settings = papers.broker(ANYONE).replace("broker.pem", "elsewhere.pem")
    port = mosquitto(settings.replace("broker.key", "elsewhere.key")).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.ca)}))
    pole.uplink.start()
    pole.until_error("uplink.tls.server_name")


def test_server_name_is_the_name_that_is_expected(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    settings = papers.broker(ANYONE).replace("broker.pem", "elsewhere.pem")
    port = mosquitto(settings.replace("broker.key", "elsewhere.key")).port
    tls = {"ca_file": str(papers.ca), "server_name": "elsewhere.example"}
    pole = gateway(plain(port, tls=tls))
    pole.uplink.start()
    pole.until_connected()


def test_a_ca_file_that_is_not_there_is_named(
    gateway: MakeGateway, plain: Plain, tmp_path: Path
) -> None:
    pole = gateway(plain(1, tls={"ca_file": str(tmp_path / "nowhere.pem")}))
    pole.uplink.start()
    pole.until_error(f"uplink.tls.ca_file ({tmp_path / 'nowhere.pem'}) cannot be used")


def test_tls_at_a_port_without_it_is_explained(
    mosquitto: Mosquitto, papers: Papers, gateway: MakeGateway, plain: Plain
) -> None:
    port = mosquitto(ANYONE).port
    pole = gateway(plain(port, tls={"ca_file": str(papers.ca)}))
    pole.uplink.start()
    pole.until_error("TLS")


@pytest.fixture
def with_password(mosquitto: Mosquitto, tmp_path: Path) -> int:
    """The port of a broker that knows the user `gw` with the password `secret`."""
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("needs mosquitto_passwd: apt-get install mosquitto")
    known = tmp_path / "known"
    subprocess.run([tool, "-c", "-b", str(known), "gw", "secret"], check=True)
    known.chmod(0o600)
    return mosquitto(f"allow_anonymous false\npassword_file {known}").port


def test_a_password_is_read_from_its_file(
    with_password: int, gateway: MakeGateway, plain: Plain, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("secret\nonly the first line counts\n")
    pole = gateway(plain(with_password, username="gw", password_file=str(tmp_path / "password")))
    pole.give()
    pole.uplink.start()
    pole.until_empty()


def test_a_wrong_password_is_told_without_showing_it(
    with_password: int, gateway: MakeGateway, plain: Plain, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("guessed\n")
    pole = gateway(plain(with_password, username="gw", password_file=str(tmp_path / "password")))
    pole.uplink.start()
    pole.until_error("the broker refuses gw: Not authorized")
    assert "guessed" not in pole.status.error


def test_a_password_file_that_is_not_there_is_named(
    gateway: MakeGateway, plain: Plain, tmp_path: Path
) -> None:
    pole = gateway(plain(1, username="gw", password_file=str(tmp_path / "nowhere")))
    pole.uplink.start()
    pole.until_error(f"uplink.password_file {tmp_path / 'nowhere'} cannot be read")


def test_a_host_without_address_is_told(gateway: MakeGateway) -> None:
    pole = gateway(UplinkConfig(host="no-such-host.invalid", tls=False))
    pole.uplink.start()
    pole.until_error("no-such-host.invalid:8883 cannot be resolved: check uplink.host")


def test_a_broker_with_a_receive_maximum_is_heeded(
    mosquitto: Mosquitto, listen: Callable[[int], Listener], gateway: MakeGateway, plain: Plain
) -> None:
    del listen
    port = mosquitto("allow_anonymous true\nmax_inflight_messages 3").port
    pole = gateway(plain(port, inflight=100))
    pole.give(300)
    most = 0
    pole.uplink.start()
    while pole.outbox.stats().blocks:
        most = max(most, pole.status.in_flight)
    assert 1 <= most <= 3
