"""Tokens with which a service acts for a person, and tokens whose claims are of the wrong kind."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth import JwksAuthenticator, Principal
from services.chassis.errors import Unauthenticated

KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
CLAIMS = {
    "iss": "pulsemesh-eu",
    "aud": "pulsemesh",
    "sub": "eu_1",
    "kind": "service",
    "exp": int(time.time()) + 86_400,  # the last test of a long run uses it, too
}
ACTING = {"act": {"sub": "service:profile"}}


class _Keys:
    async def fetch(self) -> bytes:
        return json.dumps({"keys": [{**KEY.as_dict(private=False), "kid": KEY.kid}]}).encode()


async def principal(**claims: Any) -> Principal:
    header = {"alg": "Ed25519", "kid": KEY.kid}
    token = jwt.encode(header, {**CLAIMS, **claims}, KEY, algorithms=["Ed25519"])
    return await JwksAuthenticator(_Keys(), issuer="pulsemesh-eu").authenticate(token)


async def test_a_token_for_a_person_names_the_service_that_acts() -> None:
    found = await principal(aud="pulsemesh:workout", scope="workout.read", **ACTING)
    assert (found.user_id, found.client_id, found.kind) == ("eu_1", "service:profile", Access.ACCESS_SERVICE)
    assert (found.audience, found.scopes) == ("workout", {"workout.read"})


async def test_a_service_token_of_its_own_is_for_nobody() -> None:
    found = await principal(sub="service:profile")
    assert (found.user_id, found.client_id, found.audience) == ("", "service:profile", "")


async def test_nobody_but_a_service_acts_for_somebody() -> None:
    with pytest.raises(Unauthenticated):
        await principal(kind="user", **ACTING)


@pytest.mark.parametrize(
    "audience",
    ["", "other", "pulsemesh:", [], ["other"], {"a": 1}, 7, ["pulsemesh:a", "pulsemesh:b"], [["pulsemesh"]]],
)
async def test_a_token_for_somebody_else_is_refused(audience: Any) -> None:
    with pytest.raises(Unauthenticated):
        await principal(aud=audience)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 10**400},
        {"exp": "soon"},
        {"exp": None},
        {"iat": "then"},
        {"iat": [1]},
        {"auth_time": {}},
        {"roles": 7},
        {"amr": 1.5},
        {"kind": ["service"]},
        {"kind": None},
        {"sub": 5},
        {"sub": ""},
        {"nbf": 10**30},
        {"iss": ["pulsemesh-eu"]},
    ],
    ids=str,
)
async def test_claims_of_wrong_types_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        await principal(**claims)


@pytest.mark.parametrize("part", [b"[" * 5_000, b'{"a":' * 1_000, b"\xff\xfe", b"{}", b"null", b'"kid"', b""])
async def test_a_header_of_death_is_refused(part: bytes) -> None:
    encoded = base64.urlsafe_b64encode(part).rstrip(b"=").decode()
    with pytest.raises(Unauthenticated):
        await JwksAuthenticator(_Keys(), issuer="pulsemesh-eu").authenticate(f"{encoded}.e30.AA")
