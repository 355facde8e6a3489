"""From where a call came when gateways stand between: as told by those that we trust, and by nobody else."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

FORWARDED_FOR = "x-forwarded-for"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Origins:
    """Finds the address of the client behind trusted gateways."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        """
        Args:
            trusted: networks of the gateways whose `x-forwarded-for` is believed.
        """
        self._trusted = tuple(trusted)
        self._is_trusted = functools.lru_cache(4_096)(self._look_up)

    def peer(self, peer: str, forwarded_for: object) -> str:
        """The client's address in gRPC's form; `peer` itself unless a trusted gateway says otherwise.

        Each gateway appends the address from which it was called: the first from the right that is no
        gateway's is the client's. What stands left of it the client may have made up.
        """
        if not isinstance(forwarded_for, str) or not self._trusted or not self._is_trusted(_host(peer)):
            return peer
        for hop in reversed(forwarded_for.split(",")):
            address = _address(hop.strip())
            if address is None:
                return peer
            if not self._is_trusted(str(address)):
                return _as_peer(address)
        return peer

    def _look_up(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(
            address in network for network in self._trusted if network.version == address.version
        )


def _host(peer: str) -> str:
    kind, _, rest = peer.partition(":")
    if kind not in {"ipv4", "ipv6"}:
        return ""
    return rest.rpartition(":")[0].replace("%5B", "[").replace("%5D", "]").strip("[]")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _as_peer(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return f"ipv4:{address}:0" if address.version == 4 else f"ipv6:[{address}]:0"
