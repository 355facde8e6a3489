"""From where a call came, as coarsely as a person needs to recognise it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

IPV4_PREFIX = 24
IPV6_PREFIX = 48

CountryOf = Callable[[str], str]
"""From an address to a country, ISO 3166-1 alpha-2; empty where it cannot be told."""


def address_of(peer: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address of a peer, as gRPC writes it: "ipv4:127.0.0.1:5", "ipv6:%5B::1%5D:5"."""
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return None
    host = rest.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def network_of(peer: str) -> str:
    """The network of a peer: "203.0.113.0/24", "2001:db8::/48"; the kind of transport for what has no
    address.
    """
    address = address_of(peer)
    if address is None:
        return peer.partition(":")[0]
    prefix = IPV4_PREFIX if address.version == 4 else IPV6_PREFIX
    return str(ipaddress.ip_network((address, prefix), strict=False))


def place_of(peer: str, country_of: CountryOf | None = None) -> str:
    """What the list of sessions shows: the country where somebody can tell, else the network."""
    address = address_of(peer)
    country = country_of(str(address)) if country_of is not None and address is not None else ""
    return country or network_of(peer)
