"""What a connection is secured with: passwords and keys from files, and TLS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from edge_gateway.config_uplink import TlsConfig
from edge_gateway.uplink.trouble import LinkTrouble


def first_line(path: Path, key: str) -> str:
    """The first line of a file that the key `uplink.KEY` names. Raises LinkTrouble."""
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise LinkTrouble(f"uplink.{key} {path} cannot be read: {error}") from error


def tls_context(tls: TlsConfig) -> ssl.SSLContext:
    """The context for a connection; raises LinkTrouble when a file cannot be used."""
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.expected_name = tls.server_name
    key, path = "ca_file", tls.ca_file
    try:
        if tls.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(tls.ca_file)
        key, path = "certificate_file or key_file", tls.certificate_file
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise LinkTrouble(f"uplink.tls.{key} ({path}) cannot be used: {error}") from error
    return context


class _NamedContext(ssl.SSLContext):
    """Expects one certain name in the certificate, whatever host was dialled."""

    expected_name: str | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        if self.expected_name is not None:
            kwargs["server_hostname"] = self.expected_name
        return super().wrap_socket(*args, **kwargs)
