"""Refresh tokens, their theft, and the end of sessions."""

from __future__ import annotations

import asyncio

import grpc

from pulsemesh.auth.v1 import account_service_pb2
from pulsemesh.auth.v1 import session_service_pb2 as wire
from services.auth.housekeeping import Housekeeping
from services.auth.sessions import GRACE_MS, IDLE_MS
from services.auth.tables import refresh_tokens, revocations, sessions
from services.chassis.auth import RevocationList
from tests.integration.services.auth.conftest import PATIENCE_S, Rig, bearer, eventually, following, refused

ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
EXPIRED = (grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_EXPIRED")


def refresh(token: str) -> wire.RefreshRequest:
    return wire.RefreshRequest(refresh_token=token)


async def whoami(rig: Rig, access_token: str) -> str:
    answer = await rig.accounts.GetAccount(
        account_service_pb2.GetAccountRequest(), metadata=bearer(access_token)
    )
    return str(answer.account.user_id)


async def test_a_refresh_answers_another_pair(rig: Rig) -> None:
    first = await rig.sign_up()
    rig.clock.advance(5)
    second = await rig.refresh(first.refresh_token)
    assert second.refresh_token != first.refresh_token
    assert second.session_id == first.session_id
    assert await whoami(rig, second.access_token) == first.user_id


async def test_an_access_token_lives_for_minutes(rig: Rig) -> None:
    tokens = await rig.sign_up()
    rig.clock.advance(700)
    request = account_service_pb2.GetAccountRequest()
    assert (await refused(rig.accounts.GetAccount(request, metadata=bearer(tokens))))[:2] == EXPIRED


async def test_an_answer_that_was_lost_is_given_again(rig: Rig) -> None:
    first = await rig.sign_up()
    lost = await rig.refresh(first.refresh_token)
    again = await rig.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    assert (await rig.refresh(again.refresh_token)).refresh_token


async def test_two_refreshes_at_the_same_time_agree(rig: Rig) -> None:
    first = await rig.sign_up()
    one, two = await asyncio.gather(rig.refresh(first.refresh_token), rig.refresh(first.refresh_token))
    assert one.refresh_token == two.refresh_token


async def test_a_token_that_comes_again_later_ends_the_session_and_tells_its_owner(rig: Rig) -> None:
    first = await rig.sign_up()
    second = await rig.refresh(first.refresh_token)
    rig.clock.advance(GRACE_MS / 1000 + 1)
    assert (await refused(rig.sessions.Refresh(refresh(first.refresh_token))))[:2] == ENDED
    assert (await refused(rig.sessions.Refresh(refresh(second.refresh_token))))[:2] == ENDED
    assert "copied" in (await rig.last_mail()).text
    assert await rig.rows(sessions) == await rig.rows(refresh_tokens) == []


async def test_a_token_whose_successor_was_used_is_a_theft_within_the_grace_too(rig: Rig) -> None:
    first = await rig.sign_up()
    second = await rig.refresh(first.refresh_token)
    await rig.refresh(second.refresh_token)
    assert (await refused(rig.sessions.Refresh(refresh(first.refresh_token))))[:2] == ENDED
    assert await rig.rows(sessions) == []


async def test_an_unknown_token_is_answered_like_one_that_is_over(rig: Rig) -> None:
    first = await rig.sign_up()
    await rig.sessions.SignOut(wire.SignOutRequest(refresh_token=first.refresh_token))
    over = await refused(rig.sessions.Refresh(refresh(first.refresh_token)))
    assert over == await refused(rig.sessions.Refresh(refresh("pmr_guessed")))


async def test_a_session_that_is_not_used_ends(rig: Rig) -> None:
    tokens = await rig.sign_up()
    rig.clock.advance(IDLE_MS / 1000 + 1)
    assert (await refused(rig.sessions.Refresh(refresh(tokens.refresh_token))))[:2] == ENDED


async def test_housekeeping_ends_what_nobody_used(rig: Rig) -> None:
    await rig.sign_up()
    rig.clock.advance(IDLE_MS / 1000 + 1)
    assert await Housekeeping(rig.database, rig.clock).tidy() == 1
    assert "SessionEnded" in await rig.events()


async def test_use_keeps_a_session_and_is_noted_once_a_minute(rig: Rig) -> None:
    tokens = await rig.sign_up()
    (opened,) = await rig.rows(sessions)
    rig.clock.advance(30)
    tokens = await rig.refresh(tokens.refresh_token)
    assert (await rig.rows(sessions))[0]["used_ms"] == opened["used_ms"]
    rig.clock.advance(31)
    await rig.refresh(tokens.refresh_token)
    (used,) = await rig.rows(sessions)
    assert used["used_ms"] > opened["used_ms"]
    assert used["expires_ms"] > opened["expires_ms"]


async def test_a_person_ends_one_of_their_sessions(rig: Rig) -> None:
    here, there = await rig.sign_up(), await rig.sign_in(device_name="lost phone")
    request = wire.EndSessionRequest(session_id=there.session_id)
    assert (await rig.sessions.EndSession(request, metadata=bearer(here))).ended
    assert not (await rig.sessions.EndSession(request, metadata=bearer(here))).ended
    assert (await refused(rig.sessions.Refresh(refresh(there.refresh_token))))[:2] == ENDED


async def test_nobody_ends_the_session_of_another(rig: Rig) -> None:
    mine, theirs = await rig.sign_up(), await rig.sign_up("bea@example.org")
    request = wire.EndSessionRequest(session_id=theirs.session_id)
    assert not (await rig.sessions.EndSession(request, metadata=bearer(mine))).ended
    assert (await rig.refresh(theirs.refresh_token)).user_id == theirs.user_id


async def test_signing_out_everywhere_spares_the_current_session_if_asked(rig: Rig) -> None:
    here, there = await rig.sign_up(), await rig.sign_in()
    request = wire.EndAllSessionsRequest(keep_current=True)
    assert (await rig.sessions.EndAllSessions(request, metadata=bearer(here))).ended == 1
    assert (await rig.refresh(here.refresh_token)).session_id == here.session_id
    assert (await refused(rig.sessions.Refresh(refresh(there.refresh_token))))[:2] == ENDED


async def test_the_access_tokens_of_an_ended_session_are_refused_at_once(rig: Rig) -> None:
    here, there = await rig.sign_up(), await rig.sign_in()
    assert await whoami(rig, there.access_token)
    async with following(rig):
        request = wire.EndSessionRequest(session_id=there.session_id)
        await rig.sessions.EndSession(request, metadata=bearer(here))
        await eventually(lambda: len(rig.revocations) > 0)
        asked = rig.accounts.GetAccount(account_service_pb2.GetAccountRequest(), metadata=bearer(there))
        assert (await refused(asked))[:2] == ENDED
        assert await whoami(rig, here.access_token)


async def test_revocations_survive_a_restart(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await rig.sessions.SignOut(wire.SignOutRequest(refresh_token=tokens.refresh_token))
    assert len(await rig.rows(revocations)) == 1
    rig.revocations._sessions.clear()
    async with following(rig):  # a process that comes later gets everything that matters still
        await eventually(lambda: len(rig.revocations) == 1)
    asked = rig.accounts.GetAccount(account_service_pb2.GetAccountRequest(), metadata=bearer(tokens))
    assert (await refused(asked))[:2] == ENDED


async def test_without_news_for_long_only_young_tokens_are_believed(rig: Rig) -> None:
    assert isinstance(rig.revocations, RevocationList)
    async with asyncio.timeout(PATIENCE_S):
        tokens = await rig.sign_up()
        rig.revocations.heard()
        rig.clock.advance(290)
        assert await whoami(rig, tokens.access_token)
        rig.clock.advance(20)
        asked = rig.accounts.GetAccount(account_service_pb2.GetAccountRequest(), metadata=bearer(tokens))
        assert (await refused(asked))[:2] == EXPIRED
        renewed = await rig.refresh(tokens.refresh_token)
        assert await whoami(rig, renewed.access_token)
