"""Whatever strangers send in place of a passkey is refused, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.passkeys.errors import PasskeyRefused
from services.auth.passkeys.verifying import RelyingParty, made_passkey, read_credential

PARTY = RelyingParty("localhost", "Pulsemesh", ("http://localhost:50080",))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {
        "id": JSON,
        "rawId": JSON,
        "type": st.just("public-key") | JSON,
        "response": st.fixed_dictionaries(
            {"clientDataJSON": JSON, "attestationObject": JSON, "authenticatorData": JSON, "signature": JSON}
        ),
    }
)


@given(st.text(max_size=200) | FIELDS.map(json.dumps) | JSON.map(json.dumps))
def test_whatever_is_no_registration_is_refused(text: str) -> None:
    with pytest.raises(PasskeyRefused):
        made_passkey(PARTY, b"challenge", text)


@given(st.text(max_size=200) | FIELDS.map(json.dumps) | JSON.map(json.dumps))
def test_whatever_is_no_signature_is_refused_or_read(text: str) -> None:
    try:
        read: Any = read_credential(text)
    except PasskeyRefused:
        return
    assert isinstance(read.raw_id, bytes)
