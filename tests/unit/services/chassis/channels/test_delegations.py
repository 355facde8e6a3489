"""Tokens for acting for people: exchanged once, used while they hold, never for anybody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth import Principal
from services.chassis.call import Call, find_call
from services.chassis.channels import DelegatedToken, Delegations
from services.chassis.channels.credentials import DelegatedCredentials, HandedCredentials
from services.chassis.inprocess.handing import HandedPrincipal
from services.chassis.policy import default_registry
from services.chassis.service_names import (
    service_subject,
    service_uri,
    services_of_subject,
    services_of_uris,
)

WORKOUTS = default_registry().service("pulsemesh.workout.v1.WorkoutService")
PROFILES = default_registry().service("pulsemesh.profile.v1.ProfileService")
GET = WORKOUTS["GetWorkout"]


class Exchange:
    """Counts what it gives; each token holds a minute."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.now_s = 1_000.0
        self.failures = 0
        self.calls_seen: list[Call | None] = []

    async def exchange(self, **wanted: Any) -> DelegatedToken:
        self.calls_seen.append(find_call())
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise OSError("away")
        self.asked.append(wanted)
        return DelegatedToken(f"token {len(self.asked)}", self.now_s + 60)


class Office:
    def __init__(self) -> None:
        self.exchange = Exchange()
        self.delegations = Delegations(self.exchange, clock_s=lambda: self.exchange.now_s)

    async def token(self, call: Call, method: Any = GET) -> str:
        return await self.delegations.token(method, call)


def call_of(user_id: str = "eu_1", session_id: str = "s1", token: str = "own") -> Call:
    metadata = {"authorization": f"Bearer {token}"} if token else {}
    principal = Principal(user_id, Access.ACCESS_USER, session_id=session_id)
    return Call(GET, principal=principal, metadata=metadata)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_the_token_of_the_call_is_shown_with_the_domain_and_the_scopes_of_the_method(
    office: Office,
) -> None:
    await office.token(call_of())
    assert office.exchange.asked == [
        {
            "subject_token": "own",
            "user_id": "eu_1",
            "audience": "workout",
            "scopes": frozenset({"workout.read"}),
        }
    ]


async def test_a_token_is_used_while_it_holds(office: Office) -> None:
    assert await office.token(call_of()) == await office.token(call_of(token="renewed"))
    assert len(office.exchange.asked) == 1


async def test_a_token_is_renewed_before_it_expires(office: Office) -> None:
    await office.token(call_of())
    office.exchange.now_s += 51
    assert await office.token(call_of()) == "token 2"


async def test_calls_at_the_same_time_share_one_exchange(office: Office) -> None:
    tokens = await asyncio.gather(*(office.token(call_of()) for _ in range(20)))
    assert set(tokens) == {"token 1"}


async def test_one_who_gives_up_does_not_take_the_token_from_the_others(office: Office) -> None:
    impatient = asyncio.create_task(office.token(call_of()))
    patient = asyncio.create_task(office.token(call_of()))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "token 1"


@pytest.mark.parametrize("other", [{"user_id": "eu_2"}, {"session_id": "s2"}, {"token": ""}], ids=str)
async def test_nobody_gets_the_token_of_another_person_or_session(
    office: Office, other: dict[str, str]
) -> None:
    assert await office.token(call_of()) != await office.token(call_of(**other))


async def test_another_domain_or_scope_is_another_token(office: Office) -> None:
    tokens = {
        await office.token(call_of(), method)
        for method in (GET, WORKOUTS["UpdateWorkout"], PROFILES["GetProfile"])
    }
    assert len(tokens) == 3


async def test_a_failure_is_not_remembered(office: Office) -> None:
    office.exchange.failures = 1
    with pytest.raises(OSError, match="away"):
        await office.token(call_of())
    assert await office.token(call_of()) == "token 1"


async def test_the_exchange_is_made_as_the_process_itself(office: Office) -> None:
    await office.token(call_of())
    assert office.exchange.calls_seen == [None]


async def test_the_word_of_calls_within_a_process_is_shown_to_nobody(office: Office) -> None:
    call = call_of(token="")
    call.metadata = {"authorization": HandedPrincipal(call.principal)}
    await office.token(call)
    assert office.exchange.asked[0]["subject_token"] == ""


# What a call shows


class Token:
    def token(self) -> str:
        return "service"


def test_a_call_for_nobody_shows_the_token_of_the_process() -> None:
    assert DelegatedCredentials(Token()).pairs(GET, None) == [("authorization", "Bearer service")]


def test_a_call_for_a_person_never_shows_the_token_of_the_process() -> None:
    assert DelegatedCredentials(Token()).pairs(GET, call_of()) == []


def test_within_the_process_the_principal_holds_what_the_method_needs_and_no_more() -> None:
    ((_, header),) = HandedCredentials(["auth", "profile"]).pairs(GET, call_of())
    assert isinstance(header, HandedPrincipal)
    principal = header.principal
    assert (principal.user_id, principal.client_id) == ("eu_1", "service:auth+profile")
    assert principal.scopes == {"workout.read"}


# Names


def test_names_in_tokens_and_certificates_read_as_they_were_written() -> None:
    names = frozenset({"auth", "workout"})
    assert services_of_subject(service_subject(sorted(names))) == names
    assert services_of_uris([service_uri("eu", name) for name in names], "eu") == names


@pytest.mark.parametrize("subject", ["", "eu_1", "service", "service:", "services:auth", "service:+"])
def test_what_names_no_service_is_none(subject: str) -> None:
    assert services_of_subject(subject) == frozenset()
