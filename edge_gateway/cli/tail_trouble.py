"""Why `tail` cannot use a broker, in words that say what to do about the address."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from edge_gateway.cli.tail_address import Address

_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"}
_NO_ENTRY = {"Bad user name or password", "Not authorized"}
_NOT_SPOKEN = "Unsupported protocol version"
_UNREACHABLE: Mapping[type[OSError], str] = {
    socket.gaierror: "the name {1} cannot be resolved: check the address and the network",
    ConnectionRefusedError: "nothing listens at {0}: check host and port",
    TimeoutError: "no answer from {0}: check the network and its firewalls",
}


class BrokerTrouble(Exception):
    """No connection, or none any more; the text is for a person.

    `is_final`: it would be the same next time. `wants_older`: MQTT 5 is what was refused.
    """

    def __init__(self, text: str, *, is_final: bool = False, wants_older: bool = False) -> None:
        super().__init__(text)
        self.is_final = is_final
        self.wants_older = wants_older


def unreachable(error: OSError, address: Address) -> BrokerTrouble:
    """No connection could be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return BrokerTrouble(_about_certificate(error, address), is_final=True)
    if isinstance(error, ssl.SSLError):
        return BrokerTrouble(_about_tls(error, address), is_final=True)
    for kind, words in _UNREACHABLE.items():
        if isinstance(error, kind):
            return BrokerTrouble(words.format(address, address.host))
    if isinstance(error, ConnectionError) and address.is_tls:
        return BrokerTrouble(f"{address} broke off while TLS began: is this its TLS port?")
    return BrokerTrouble(f"no connection to {address}: {error}")


def refused(said: str, address: Address) -> BrokerTrouble:
    """The broker's answer to CONNECT was no; `said` is its reason."""
    if said in _NO_ENTRY:
        who = address.username or "a client without a user name"
        return BrokerTrouble(
            f"{address} refuses {who}: {said}. Check user and password, or the certificate",
            is_final=True,
        )
    if said == _NOT_SPOKEN:
        return BrokerTrouble(
            f"{address} does not speak this version of MQTT: try --mqtt 3.1.1",
            is_final=True,
            wants_older=True,
        )
    return BrokerTrouble(f"{address} refuses the connection: {said}")


def unanswered(address: Address) -> BrokerTrouble:
    """The broker closed the connection instead of answering CONNECT."""
    why = (
        "does it want a client certificate (cert= and key=), or MQTT 3.1.1?"
        if address.is_tls
        else "does this port want TLS (mqtts://), or MQTT 3.1.1 (--mqtt 3.1.1)?"
    )
    return BrokerTrouble(f"{address} closed the connection without an answer: {why}")


def _about_certificate(error: ssl.SSLCertVerificationError, address: Address) -> str:
    said = error.verify_message or str(error)
    if "mismatch" in said.lower():
        return (
            f"the certificate of {address} is for another name ({said}): correct the host, "
            "or add name=NAME to the address"
        )
    if "expired" in said or "not yet valid" in said:
        return (
            f"the certificate of {address} is not valid now ({said}): "
            "check this machine's clock, then the broker's certificate"
        )
    return (
        f"the certificate of {address} is not trusted ({said}): add ca=FILE to the address, "
        "the certificate of the CA that signed it"
    )


def _about_tls(error: ssl.SSLError, address: Address) -> str:
    # Errors that OpenSSL did not raise itself bear no reason.
    reason: str = getattr(error, "reason", None) or str(error)
    if reason in _NOT_TLS:
        return f"{address} does not speak TLS: use its TLS port, or mqtt:// instead of mqtts://"
    return f"TLS with {address} failed: {reason}"
