from __future__ import annotations

import pytest

from pulsemesh.target import Tls, parse_target


@pytest.mark.parametrize(
    ("target", "address", "encrypted"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9000", False),
        ("localhost", "localhost:50051", False),
        ("[::1]:9000", "[::1]:9000", False),
        ("[::1]", "[::1]:50051", False),
        ("unix:/run/pulsemesh.sock", "unix:/run/pulsemesh.sock", False),
        ("api.example.org", "api.example.org:50051", True),
        ("api.example.org:443", "api.example.org:443", True),
        ("192.0.2.7:9000", "192.0.2.7:9000", True),
        ("http://192.0.2.7:9000", "192.0.2.7:9000", False),
        ("https://localhost:9000", "localhost:9000", True),
        ("https://api.example.org", "api.example.org:50051", True),
        ("dns:///api.example.org:443", "dns:///api.example.org:443", True),
        ("dns:///localhost:9000", "dns:///localhost:9000", False),
    ],
)
def test_an_address_says_where_and_whether_encrypted(target: str, address: str, encrypted: bool) -> None:
    parsed = parse_target(target)
    assert (parsed.address, parsed.encrypted) == (address, encrypted)


def test_what_is_said_of_tls_counts_more_than_the_address() -> None:
    assert parse_target("localhost", True).encrypted
    assert parse_target("localhost", Tls()).encrypted
    assert not parse_target("api.example.org", False).encrypted


@pytest.mark.parametrize("target", ["", ":9000"])
def test_an_address_without_a_host_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="names no host"):
        parse_target(target)
