"""Exchanging tokens: for whom, where, with which scopes, on whose word."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth.delegation.exchanging import LIFETIME_S, DelegationRefused, Exchanging
from services.auth.delegation.rules import ALONE, NEVER, may_act
from services.auth.scopes import SCOPES
from services.auth.tokens import TokenIssuer
from services.chassis.auth import JwksAuthenticator, Principal

PERSON = "eu_1"
WORKOUT = Principal("", Access.ACCESS_SERVICE, client_id="service:workout")


class Keys:
    """One key, for signing and for verifying."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", auto_kid=True)

    def signing_key(self) -> ECKey:
        return self.key

    async def fetch(self) -> bytes:
        return json.dumps({"keys": [{**self.key.as_dict(private=False), "kid": self.key.kid}]}).encode()


class Office:
    """An exchange, and an authenticator that reads what it gives."""

    def __init__(self) -> None:
        keys = Keys()
        self.issuer = TokenIssuer(keys, issuer="pulsemesh-eu", clock_ms=lambda: int(time.time() * 1000))
        self.authenticator = JwksAuthenticator(keys, issuer="pulsemesh-eu")
        self.exchanging = Exchanging(self.issuer, self.authenticator)

    def token(self, kind: str = "user", subject: str = PERSON, **more: Any) -> str:
        return self.issuer.access_token(
            subject=subject, kind=kind, client_id="app", session_id="s1", **more
        ).access_token

    async def exchanged(self, service: Principal = WORKOUT, **changes: Any) -> Principal:
        wanted = {
            "subject_token": self.token(),
            "user_id": PERSON,
            "audience": "profile",
            "scopes": frozenset({"profile.read"}),
        }
        issued = await self.exchanging.exchange(service, **(wanted | changes))
        return await self.authenticator.authenticate(issued.access_token)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_the_token_is_for_one_person_one_domain_and_these_scopes(office: Office) -> None:
    found = await office.exchanged()
    assert (found.user_id, found.audience, found.scopes) == (PERSON, "profile", {"profile.read"})
    assert (found.kind, found.client_id) == (Access.ACCESS_SERVICE, "service:workout")


async def test_the_token_is_short_and_ends_with_the_session_it_came_of(office: Office) -> None:
    found = await office.exchanged()
    assert found.session_id == "s1"
    assert found.expires_at_s - time.time() <= LIFETIME_S + 30


async def test_the_token_of_another_person_is_refused(office: Office) -> None:
    with pytest.raises(DelegationRefused):
        await office.exchanged(subject_token=office.token(subject="eu_2"))


async def test_a_forged_token_is_refused(office: Office) -> None:
    with pytest.raises(DelegationRefused):
        await office.exchanged(subject_token=Office().token())


async def test_the_token_of_staff_is_not_turned_into_one_of_a_person(office: Office) -> None:
    with pytest.raises(DelegationRefused):
        await office.exchanged(subject_token=office.token("staff"))


async def test_a_delegated_token_goes_on_from_the_service_it_was_made_for(office: Office) -> None:
    passed_on = office.token(
        "service", actor={"sub": "service:social"}, audience="pulsemesh:workout", scopes=["workout.read"]
    )
    found = await office.exchanged(subject_token=passed_on)
    assert (found.user_id, found.client_id) == (PERSON, "service:workout")


async def test_a_delegated_token_that_was_made_for_another_service_is_refused(office: Office) -> None:
    stolen = office.token("service", actor={"sub": "service:social"}, audience="pulsemesh:gear")
    with pytest.raises(DelegationRefused):
        await office.exchanged(subject_token=stolen)


@pytest.mark.parametrize("scope", sorted(NEVER))
async def test_what_only_the_person_does_is_never_delegated(office: Office, scope: str) -> None:
    with pytest.raises(DelegationRefused):
        await office.exchanged(scopes=frozenset({"profile.read", scope}))


async def test_without_a_token_of_the_person_the_rules_decide(office: Office) -> None:
    found = await office.exchanged(subject_token="")
    assert (found.user_id, found.session_id) == (PERSON, "")


async def test_without_a_token_other_services_are_refused(office: Office) -> None:
    gateway = Principal("", Access.ACCESS_SERVICE, client_id="service:gateway")
    with pytest.raises(DelegationRefused):
        await office.exchanged(gateway, subject_token="")


async def test_without_a_token_more_scopes_are_refused(office: Office) -> None:
    with pytest.raises(DelegationRefused):
        await office.exchanged(subject_token="", scopes=frozenset({"profile.read", "profile.write"}))


@given(
    services=st.frozensets(st.sampled_from(["auth", "profile", "workout", "social"])),
    audience=st.sampled_from(["auth", "profile", "workout"]),
    scopes=st.frozensets(st.sampled_from(sorted(SCOPES))),
)
def test_acting_alone_never_allows_more_than_acting_on_a_token(
    services: frozenset[str], audience: str, scopes: frozenset[str]
) -> None:
    if may_act(services, audience, scopes, alone=True):
        assert may_act(services, audience, scopes, alone=False)


def test_the_rules_name_scopes_that_exist() -> None:
    named = frozenset().union(*ALONE.values()) | NEVER
    assert named <= frozenset(SCOPES)
