"""From where a call came: whose word is taken."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.pipeline.origins import Origins

GATEWAYS = Origins([ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")])
GATEWAY = "ipv4:10.1.2.3:4000"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "found"),
    [
        (GATEWAY, "203.0.113.7", "ipv4:203.0.113.7:0"),
        ("ipv6:%5B::1%5D:9", "2001:db8::5", "ipv6:[2001:db8::5]:0"),
        # Two gateways in a row.
        (GATEWAY, "203.0.113.7, 10.9.9.9", "ipv4:203.0.113.7:0"),
        # What the client wrote there itself stands left of the truth.
        (GATEWAY, "8.8.8.8, 203.0.113.7", "ipv4:203.0.113.7:0"),
        # Whoever comes directly is not believed.
        ("ipv4:203.0.113.9:1", "8.8.8.8", "ipv4:203.0.113.9:1"),
        (GATEWAY, "nonsense", GATEWAY),
        (GATEWAY, "", GATEWAY),
        (GATEWAY, b"8.8.8.8", GATEWAY),
        ("unix:", "8.8.8.8", "unix:"),
    ],
)
def test_an_origin(peer: str, forwarded_for: object, found: str) -> None:
    assert GATEWAYS.peer(peer, forwarded_for) == found


def test_without_trusted_gateways_nobody_is_believed() -> None:
    assert Origins().peer(GATEWAY, "8.8.8.8") == GATEWAY


@given(st.text(max_size=40), st.text(max_size=80))
def test_no_header_is_too_odd(peer: str, forwarded_for: str) -> None:
    assert isinstance(GATEWAYS.peer(peer, forwarded_for), str)
