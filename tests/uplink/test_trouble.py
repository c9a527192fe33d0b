"""Each trouble with the broker is told with its cause and the key to look at."""

from __future__ import annotations

import socket
import ssl

import pytest

from edge_gateway.config import UplinkConfig
from edge_gateway.uplink.trouble import in_words

CLEAR = UplinkConfig(host="broker.example", port=1883, tls=False)
TLS = UplinkConfig(host="broker.example")


def certificate_error(said: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(said)
    error.verify_message = said
    return error


@pytest.mark.parametrize(
    ("error", "config", "words"),
    [
        (ConnectionRefusedError(), CLEAR, "nothing listens at broker.example:1883"),
        (
            socket.gaierror(),
            CLEAR,
            "the name of broker.example:1883 cannot be resolved: check uplink.host",
        ),
        (TimeoutError(), CLEAR, "no answer from broker.example:1883"),
        (OSError("no route to host"), CLEAR, "no connection to broker.example:1883: no route"),
        (ConnectionResetError(), CLEAR, "no connection to broker.example:1883"),
        (ConnectionResetError(), TLS, "set tls = false"),
        (certificate_error("self-signed certificate"), TLS, "set uplink.tls.ca_file"),
        (certificate_error("certificate has expired"), TLS, "check this machine's clock"),
        (certificate_error("Hostname mismatch, x"), TLS, "set uplink.tls.server_name"),
        (ssl.SSLError(1, "[SSL] something else"), TLS, "Check the [uplink.tls] table"),
    ],
)
def test_the_words_say_what_is_wrong_and_where(
    error: OSError, config: UplinkConfig, words: str
) -> None:
    assert words in in_words(error, config)
