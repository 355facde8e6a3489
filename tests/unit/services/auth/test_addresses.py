"""Addresses in the form in which they are compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.addresses import NotAnAddress, normalised

LABEL = st.from_regex(r"[a-zäöüßя0-9]([a-zäöя0-9]{0,10}[a-zя0-9])?", fullmatch=True)
DOMAIN = st.builds(".".join, st.lists(LABEL, min_size=2, max_size=3))
LOCAL = st.from_regex(r"[A-Za-zÄé0-9_+-]{1,20}(\.[A-Za-z0-9]{1,5})?", fullmatch=True)


@pytest.mark.parametrize(
    ("given_address", "kept"),
    [
        ("ann@example.org", "ann@example.org"),
        ("  Ann@EXAMPLE.Org ", "ann@example.org"),
        ("ann.b+club@example.org", "ann.b+club@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@example.org.", "ann@example.org"),
        ("jose\u0301@example.org", "jos\u00e9@example.org"),
    ],
)
def test_what_is_kept(given_address: str, kept: str) -> None:
    assert normalised(given_address) == kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@example.org",
        "ann@",
        "a b@example.org",
        "ann@example",
        "ann@-x-.org",
        "ann@a..b",
        ".a@b.org",
        "a..b@c.org",
        "ann@exa mple.org",
        "a" * 65 + "@example.org",
        "a@" + "b" * 300 + ".org",
        "a\r\nBcc: b@c.org",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(NotAnAddress):
        normalised(text)


@given(LOCAL, DOMAIN)
def test_normalising_twice_changes_nothing(local: str, domain: str) -> None:
    try:
        once = normalised(f"{local}@{domain}")
    except NotAnAddress:
        return
    assert normalised(once) == once


@given(LOCAL, DOMAIN)
def test_the_case_says_nothing(local: str, domain: str) -> None:
    try:
        kept = normalised(f"{local}@{domain}".lower())
    except NotAnAddress:
        return
    assert normalised(f"{local.lower()}@{domain.lower()}") == kept


@given(st.text(max_size=300))
def test_whatever_is_typed_is_an_address_or_is_refused(text: str) -> None:
    try:
        kept = normalised(text)
    except NotAnAddress:
        return
    assert kept.count("@") == 1
    assert len(kept.encode()) <= 254
    assert not any(character.isspace() or ord(character) < 32 for character in kept)
