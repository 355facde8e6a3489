"""Codes of an app by RFC 6238, and recovery codes however they are typed."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.totp.codes import (
    STEP_S,
    accepted_step,
    code_at,
    new_recovery_code,
    new_secret,
    otpauth_uri,
    recovery_fingerprint,
)

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("time_s", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_are_those_of_rfc_6238_appendix_b(time_s: int, code: str) -> None:
    assert code_at(RFC_SECRET, time_s // STEP_S) == code
    assert accepted_step(RFC_SECRET, code, time_s * 1000, 0) == time_s // STEP_S


@given(st.integers(2, 2**40), st.integers(-4, 4), st.integers(-4, 4))
def test_a_step_is_accepted_within_the_window_and_after_the_last(step: int, off: int, last: int) -> None:
    given_code = code_at(RFC_SECRET, max(step + off, 0))
    found = accepted_step(RFC_SECRET, given_code, step * STEP_S * 1000, step + last)
    if found is not None:
        assert abs(found - step) <= 1
        assert found > step + last
        assert code_at(RFC_SECRET, found) == given_code
    elif abs(off) <= 1:
        assert off <= last or step + off < 0


@given(st.text(max_size=12))
def test_any_text_is_a_code_or_none(text: str) -> None:
    secret = RFC_SECRET
    assert accepted_step(secret, text, 59_000, 10) is None


def test_the_address_for_apps_names_account_and_platform() -> None:
    secret = new_secret()
    parts = urlsplit(otpauth_uri(secret, "ann@example.org", "Pulsemesh"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query) == {"secret": [secret], "issuer": ["Pulsemesh"]}
    assert len(base64.b32decode(secret)) == 20


def test_a_recovery_code_is_the_same_however_it_is_typed_and_anothers_for_another() -> None:
    code = new_recovery_code()
    kept = recovery_fingerprint("eu_1", code)
    assert recovery_fingerprint("eu_1", f" {code.lower().replace('-', ' ')} ") == kept
    assert recovery_fingerprint("eu_2", code) != kept


@given(st.text(max_size=40))
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert len(recovery_fingerprint("eu_1", text)) == 32
