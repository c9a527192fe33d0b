"""`mqtt://host[:port]/prefix` and `mqtts://...`: where `tail` listens, and how it is let in."""

from __future__ import annotations

import getpass
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.config_file import nearest

DEFAULT_PREFIX = "edge"

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_FILES = ("ca", "cert", "key", "password_file")
_OPTIONS = (*_FILES, "name")


@dataclass(frozen=True, slots=True)
class Address:
    """A broker and the topics of a fleet. The files are PEM; `name` is that in its certificate."""

    host: str
    port: int
    prefix: str
    is_tls: bool
    username: str | None = None
    password_file: Path | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    name: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse(url: str) -> Address:
    """Take an address apart; raises CommandError."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in _PORTS:
        raise _wrong(url, "an address begins with mqtt:// or mqtts://")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _wrong(url, str(error)) from error
    if not parts.hostname:
        raise _wrong(url, "it names no host")
    if parts.password is not None:
        raise CommandError(
            "a password in the address is seen by everyone who lists the processes: leave it out "
            "to be asked for it, or name a file with --password-file",
            Exit.USAGE,
        )
    options = _options(url, parts.query)
    if scheme == "mqtt" and options.keys() & {"ca", "cert", "key", "name"}:
        raise _wrong(url, "certificates are for mqtts://")
    if ("cert" in options) != ("key" in options):
        raise _wrong(url, "cert and key go together: give both or neither")
    files = {name: Path(options[name]) for name in _FILES if name in options}
    return Address(
        parts.hostname,
        port or _PORTS[scheme],
        _prefix(url, unquote(parts.path)),
        scheme == "mqtts",
        unquote(parts.username) if parts.username else None,
        files.get("password_file"),
        files.get("ca"),
        files.get("cert"),
        files.get("key"),
        options.get("name"),
    )


def filters(address: Address, gateway: str | None, topics: Sequence[str]) -> list[str]:
    """What to subscribe to: `topics` where there are any, else all below the prefix."""
    if topics:
        return list(topics)
    has_gateway_level = not address.prefix.startswith(("spBv1.0", "/json"))
    if gateway is not None and has_gateway_level:
        return [f"{address.prefix}/{gateway}/#"]
    return [f"{address.prefix}/#"]


def password_of(address: Address) -> str | None:
    """From its file, or asked for at the terminal; raises CommandError."""
    path = address.password_file
    if path is not None:
        if address.username is None:
            raise CommandError("a password needs a user: mqtt://USER@host/...", Exit.USAGE)
        try:
            return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{path}: cannot be read: {error}", Exit.INPUT) from error
    if address.username is None or address.certificate is not None or not sys.stdin.isatty():
        return None
    return getpass.getpass(f"password of {address.username} at {address}: ", stream=sys.stderr)


def tls_context(address: Address) -> ssl.SSLContext:
    """What the broker's certificate is held against; raises CommandError."""
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.expected_name = address.name
    path = address.ca
    try:
        if path is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(path)
        path = address.certificate
        if path is not None:
            context.load_cert_chain(path, address.key)
    except (OSError, ssl.SSLError) as error:
        beside = f" or {address.key}" if path == address.certificate else ""
        raise CommandError(f"{path}{beside}: cannot be used: {error}", Exit.INPUT) from error
    return context


class _NamedContext(ssl.SSLContext):
    """Expects one certain name in the certificate, whatever host was dialled."""

    expected_name: str | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        if self.expected_name is not None:
            kwargs["server_hostname"] = self.expected_name
        return super().wrap_socket(*args, **kwargs)


def _options(url: str, query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _OPTIONS:
            raise _wrong(url, f"it has no option {name!r}; {nearest(name, _OPTIONS)}")
        if not value:
            raise _wrong(url, f"the option {name} is empty")
        found[name] = value
    return found


def _prefix(url: str, path: str) -> str:
    prefix = path.removeprefix("/").rstrip("/")
    if "+" in prefix or "#" in prefix:
        raise _wrong(url, "the prefix holds no + or #: name topics with --topic")
    return prefix or DEFAULT_PREFIX


def _wrong(url: str, why: str) -> CommandError:
    return CommandError(f"{url}: {why}; for example mqtt://broker.example.org/edge", Exit.USAGE)
