"""Where a platform is: the address people write, and whether the way there is encrypted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import grpc
import grpc.aio

__all__ = ["Target", "Tls", "is_on_this_machine", "open_channel", "parse_target"]

DEFAULT_PORT = 50051

_OPTIONS: tuple[tuple[str, str | int], ...] = (
    # The one call wrapper repeats calls; a second one below it would multiply the attempts.
    ("grpc.enable_retries", 0),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A connection can die without a word: a laptop slept, a router forgot it. Without pings every later
    # call, that of a resumed ingest session among them, would be put on the dead connection again. The
    # core's own measuring pings have a time of their own, and one on its way holds up those of keepalive.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 15_000),
    ("grpc.http2.ping_timeout_ms", 15_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.primary_user_agent", "pulsemesh-python"),
)


@dataclass(frozen=True, slots=True)
class Tls:
    """How the platform proves who it is, and the client where it must."""

    root_certificates: bytes | None = None
    """PEM; None for those that gRPC brings."""
    private_key: bytes | None = None
    certificate_chain: bytes | None = None
    server_name: str = ""
    """The name that the certificate must bear, where it is not the target's."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed address."""

    address: str
    """As gRPC takes it: `host:port`, `unix:path`, `dns:///host:port`."""
    encrypted: bool


def parse_target(target: str, tls: bool | Tls | None = None) -> Target:
    """Return where `target` is: `host`, `host:port`, `http(s)://host:port`, or a gRPC name.

    Without a scheme and without `tls` the way is encrypted unless it stays on this machine.
    Raises `ValueError` for an address without a host.
    """
    scheme, _, rest = target.partition("://")
    if not rest:
        scheme, rest = "", target
    if scheme in ("http", "https"):
        address = _with_port(urlsplit(target).netloc)
        encrypted = scheme == "https"
    else:
        address = target if scheme or _names_resolver(target) else _with_port(target)
        encrypted = not is_on_this_machine(address)
    return Target(address, encrypted if tls is None else bool(tls))


def _names_resolver(target: str) -> bool:
    return target.startswith(("unix:", "unix-abstract:", "dns:", "ipv4:", "ipv6:"))


def _with_port(address: str) -> str:
    parts = urlsplit(f"//{address}")
    if not parts.hostname:
        raise ValueError(f"{address!r} names no host")
    return address if parts.port else f"{address.rstrip(':')}:{DEFAULT_PORT}"


def is_on_this_machine(address: str) -> bool:
    """Return whether what is sent to an address, as gRPC or a URL writes it, never leaves this machine."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = urlsplit(f"//{address.rpartition('/')[2].removeprefix('ipv4:').removeprefix('ipv6:')}").hostname
    if host is None or host == "localhost":
        return host is not None
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_channel(target: str, tls: bool | Tls | None = None) -> grpc.aio.Channel:
    """Return a channel to `target`; it connects when it is first used."""
    where = parse_target(target, tls)
    options = list(_OPTIONS)
    if not where.encrypted:
        return grpc.aio.insecure_channel(where.address, options=options)
    settings = tls if isinstance(tls, Tls) else Tls()
    if settings.server_name:
        options.append(("grpc.ssl_target_name_override", settings.server_name))
    credentials = grpc.ssl_channel_credentials(
        settings.root_certificates, settings.private_key, settings.certificate_chain
    )
    return grpc.aio.secure_channel(where.address, credentials, options=options)
