"""Why the broker cannot be used, in words that say what to do."""

from __future__ import annotations

import errno
import socket
import ssl

from edge_gateway.config_uplink import UplinkConfig

_WHICH_PORT = "use its TLS port, or set tls = false under [uplink]"


# What the kernel says where the way ends at the pole: no attempt has reached the broker.
_OWN_NETWORK = frozenset(
    {errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}
)


class LinkTrouble(Exception):
    """No connection to the broker, or none any more; the text is for a person.

    `own_network`: the way ended here, so the broker felt nothing of the attempt.
    """

    def __init__(self, text: str, *, own_network: bool = False) -> None:
        super().__init__(text)
        self.own_network = own_network


def is_own_network(error: OSError) -> bool:
    """Whether an error of connecting came from this pole's own network."""
    return isinstance(error, socket.gaierror) or error.errno in _OWN_NETWORK


def in_words(error: OSError, config: UplinkConfig) -> str:
    """An error of connecting, told with the key of the configuration to look at."""
    broker = f"{config.host}:{config.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _about_certificate(error, config)
    if isinstance(error, ssl.SSLError):
        return _about_tls(error, broker)
    for kind, words in (
        (socket.gaierror, "the name of {0} cannot be resolved: check uplink.host and the network"),
        (ConnectionRefusedError, "nothing listens at {0}: check uplink.host and uplink.port"),
        (TimeoutError, "no answer from {0}: check the network and the broker's firewall"),
    ):
        if isinstance(error, kind):
            return words.format(broker)
    if isinstance(error, ConnectionError) and config.tls is not False:
        return f"{broker} broke off while TLS began: {_WHICH_PORT}"
    return f"no connection to {broker}: {error}"


def _about_certificate(error: ssl.SSLCertVerificationError, config: UplinkConfig) -> str:
    said = error.verify_message or str(error)
    broker = f"{config.host}:{config.port}"
    if "mismatch" in said.lower():
        return (
            f"the certificate of {broker} is for another name ({said}): "
            "set uplink.tls.server_name to the name in it, or correct uplink.host"
        )
    if "expired" in said or "not yet valid" in said:
        return (
            f"the certificate of {broker} is not valid now ({said}): "
            "check this machine's clock, then the broker's certificate"
        )
    return (
        f"the certificate of {broker} is not trusted ({said}): "
        "set uplink.tls.ca_file to the CA that signed it"
    )


def _about_tls(error: ssl.SSLError, broker: str) -> str:
    # Errors that OpenSSL did not raise itself bear no reason.
    reason: str = getattr(error, "reason", None) or str(error)
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"}:
        return f"{broker} does not speak TLS: {_WHICH_PORT}"
    return f"TLS with {broker} failed: {reason}. Check the [uplink.tls] table"
