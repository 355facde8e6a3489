"""What happens at the same time on a database whose writers run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.auth.v1 import account_service_pb2, session_service_pb2
from services.auth.tables import accounts, refresh_tokens, sessions
from services.auth.throttling import ACCOUNT_FROM_NETWORK
from tests.integration.services.auth.conftest import EMAIL, Rig, refused, running_rig


@pytest.fixture
async def rig(tmp_path: Path, postgres_url: str) -> AsyncIterator[Rig]:
    async with running_rig(tmp_path, postgres_url) as running:
        yield running


async def test_refreshes_at_the_same_time_agree_on_one_successor(rig: Rig) -> None:
    first = await rig.sign_up()
    answers = await asyncio.gather(*(rig.refresh(first.refresh_token) for _ in range(6)))
    assert len({answer.refresh_token for answer in answers}) == 1
    assert len(await rig.rows(refresh_tokens)) == 2


async def test_a_session_that_ends_while_it_is_refreshed_is_over(rig: Rig) -> None:
    first = await rig.sign_up()
    sign_out = session_service_pb2.SignOutRequest(refresh_token=first.refresh_token)
    await asyncio.gather(
        rig.sessions.SignOut(sign_out), rig.refresh(first.refresh_token), return_exceptions=True
    )
    again = session_service_pb2.RefreshRequest(refresh_token=first.refresh_token)
    assert (await refused(rig.sessions.Refresh(again)))[1] == "SESSION_ENDED"
    assert await rig.rows(sessions) == []


async def test_one_address_becomes_one_account_however_many_prove_it_at_once(rig: Rig) -> None:
    begun = [await rig.begin(request_id=f"r{number}") for number in range(3)]
    codes = [mail.code for mail in await rig.mails()]
    requests = [
        account_service_pb2.VerifyEmailRequest(
            code=account_service_pb2.CodeProof(sign_up=each.sign_up, code=code)
        )
        for each, code in zip(begun, codes, strict=True)
    ]
    outcomes = await asyncio.gather(
        *(rig.accounts.VerifyEmail(request) for request in requests), return_exceptions=True
    )
    assert [isinstance(outcome, Exception) for outcome in outcomes].count(False) == 1
    assert len(await rig.rows(accounts)) == 1


async def test_parallel_guesses_are_counted_one_by_one(rig: Rig) -> None:
    await rig.sign_up()
    guesses = [
        session_service_pb2.SignInRequest(email=EMAIL, password=f"guess number {number}")
        for number in range(16)
    ]
    outcomes = await asyncio.gather(*(refused(rig.sessions.SignIn(guess)) for guess in guesses))
    assert [reason for _, reason, _ in outcomes].count("SIGN_IN_FAILED") == ACCOUNT_FROM_NETWORK.free + 1
