"""Address and password: what is answered, what it costs, and how guessing is slowed down."""

from __future__ import annotations

import asyncio

import grpc

from pulsemesh.auth.v1 import session_service_pb2 as wire
from services.auth.passwords import Passwords
from services.auth.tables import accounts, sessions
from services.auth.throttling import ACCOUNT_FROM_NETWORK
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, refused

FAILED = (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_FAILED")
THROTTLED = (grpc.StatusCode.RESOURCE_EXHAUSTED, "SIGN_IN_THROTTLED")


def attempt(password: str, address: str = EMAIL) -> wire.SignInRequest:
    return wire.SignInRequest(email=address, password=password)


async def test_the_right_password_opens_a_session(rig: Rig) -> None:
    mine = await rig.sign_up()
    tokens = await rig.sign_in(device_name="Ann's phone", client_id="pulsemesh-cli")
    assert tokens.user_id == mine.user_id
    listed = await rig.sessions.ListSessions(wire.ListSessionsRequest(), metadata=bearer(tokens))
    current = next(session for session in listed.sessions if session.current)
    assert (current.device_name, current.client_id, list(current.methods)) == (
        "Ann's phone",
        "pulsemesh-cli",
        ["pwd"],
    )


async def test_the_address_is_the_same_in_any_case(rig: Rig) -> None:
    await rig.sign_up()
    assert (await rig.sign_in("Ann@Example.ORG")).user_id


async def test_an_unknown_address_is_answered_like_a_wrong_password(rig: Rig) -> None:
    await rig.sign_up()
    wrong = await refused(rig.sessions.SignIn(attempt("a wrong password")))
    unknown = await refused(rig.sessions.SignIn(attempt("a wrong password", "nobody@example.org")))
    malformed = await refused(rig.sessions.SignIn(attempt("a wrong password", "no address at all")))
    assert wrong == unknown == malformed
    assert wrong[:2] == FAILED


async def test_an_unknown_address_costs_one_hash_like_a_known_one(rig: Rig) -> None:
    await rig.sign_up()
    costs = []
    for address in (EMAIL, "nobody@example.org"):
        before = rig.passwords.runs
        await refused(rig.sessions.SignIn(attempt("a wrong password", address)))
        costs.append(rig.passwords.runs - before)
    assert costs == [1, 1]


async def test_guessing_is_throttled_for_known_and_unknown_addresses_alike(rig: Rig) -> None:
    await rig.sign_up()
    await rig.sessions.EndAllSessions(wire.EndAllSessionsRequest(), metadata=bearer(await rig.sign_in()))
    outcomes = []
    for address in (EMAIL, "nobody@example.org"):
        reasons = [
            (await refused(rig.sessions.SignIn(attempt(f"guess number {n}", address))))[:2]
            for n in range(ACCOUNT_FROM_NETWORK.free + 2)
        ]
        outcomes.append(reasons)
    assert outcomes[0] == outcomes[1]
    assert outcomes[0] == [FAILED] * (ACCOUNT_FROM_NETWORK.free + 1) + [THROTTLED]


async def test_guesses_at_the_same_time_do_not_slip_through_together(rig: Rig) -> None:
    await rig.sign_up()
    outcomes = await asyncio.gather(
        *(refused(rig.sessions.SignIn(attempt(f"guess number {n}"))) for n in range(20))
    )
    assert [reason for _, reason, _ in outcomes].count("SIGN_IN_FAILED") <= ACCOUNT_FROM_NETWORK.free + 1


async def test_the_owner_gets_in_again_after_the_block(rig: Rig) -> None:
    await rig.sign_up()
    for n in range(ACCOUNT_FROM_NETWORK.free + 2):
        await refused(rig.sessions.SignIn(attempt(f"guess number {n}")))
    assert (await refused(rig.sessions.SignIn(attempt(PASSWORD))))[:2] == THROTTLED
    rig.clock.advance(ACCOUNT_FROM_NETWORK.longest_ms / 1000)
    assert (await rig.sign_in()).user_id


async def test_a_success_forgives_the_failures_before_it(rig: Rig) -> None:
    await rig.sign_up()
    for _ in range(3):
        for n in range(ACCOUNT_FROM_NETWORK.free - 1):
            await refused(rig.sessions.SignIn(attempt(f"guess number {n}")))
        await rig.sign_in()


async def test_a_password_is_hashed_anew_when_the_parameters_change(rig: Rig) -> None:
    await rig.sign_up()
    (before,) = await rig.rows(accounts)
    stronger = Passwords(memory_kib=16, passes=1, lanes=1, threads=1)
    rig.passwords._hasher = stronger._hasher
    await rig.sign_in()
    (after,) = await rig.rows(accounts)
    stronger.close()
    assert "m=8," in before["password_hash"]
    assert "m=16," in after["password_hash"]
    assert (await rig.sign_in()).user_id


async def test_neither_tokens_nor_addresses_of_machines_are_kept(rig: Rig) -> None:
    await rig.sign_up()
    tokens = await rig.sign_in()
    kept = repr(await rig.rows(sessions))
    assert tokens.refresh_token not in kept
    assert tokens.access_token not in kept


async def test_the_program_of_staff_wants_a_role(rig: Rig) -> None:
    await rig.sign_up()
    request = wire.SignInRequest(email=EMAIL, password=PASSWORD, client_id="pulsemesh-staff")
    assert (await refused(rig.sessions.SignIn(request)))[0] is grpc.StatusCode.PERMISSION_DENIED
