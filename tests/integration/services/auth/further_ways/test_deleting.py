"""An account whose owner asked for its deletion: it is told with the change, and is as good as none."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from sqlalchemy import Connection, text

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1 import (
    federation_service_pb2,
    passkey_service_pb2,
    second_factor_service_pb2,
    session_pb2,
    session_service_pb2,
)
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from services.auth.store.accounts import ACTIVE, DELETING
from services.auth.tables import accounts, password_resets, sessions
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, refused
from tests.integration.services.auth.further_ways.conftest import BY_PASSWORD, Ways

REQUESTED = "AccountDeletionRequested"
NEW = "another good password"


async def ask_deletion(rig: Rig, tokens: session_pb2.Tokens, **proof: str) -> None:
    request = wire.RequestAccountDeletionRequest(current_password=PASSWORD)
    if proof:
        request.proof.CopyFrom(OwnerProof(**proof))
    await rig.accounts.RequestAccountDeletion(request, metadata=bearer(tokens))


async def break_inserts(rig: Rig, table: str) -> None:
    """Have the database refuse every new row of a table."""
    trigger = f"create trigger broken before insert on {table} begin select raise(abort, 'broken'); end"

    def create(conn: Connection) -> None:
        conn.execute(text(trigger))

    async with rig.database.write() as transaction:
        await transaction.run(create)


async def test_the_event_and_the_change_are_one_transaction(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await ask_deletion(rig, tokens)
    (row,) = await rig.rows(accounts)
    assert (row["state"], (await rig.events()).count(REQUESTED)) == (DELETING, 1)


@pytest.mark.parametrize("table", ["outbox", "mails", "revocations"])
async def test_a_deletion_that_fails_half_way_neither_changes_nor_tells_anything(
    rig: Rig, table: str
) -> None:
    tokens = await rig.sign_up()
    told = await rig.events()
    await break_inserts(rig, table)
    with pytest.raises(grpc.aio.AioRpcError):
        await ask_deletion(rig, tokens)
    assert [row["state"] for row in await rig.rows(accounts)] == [ACTIVE]
    assert (await rig.events(), len(await rig.rows(sessions))) == (told, 1)


async def test_a_deletion_that_is_asked_for_twice_is_told_once(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await ask_deletion(rig, tokens)
    request = wire.RequestAccountDeletionRequest(current_password=PASSWORD)
    call = rig.accounts.RequestAccountDeletion(request, metadata=bearer(tokens))
    assert (await refused(call))[0] is grpc.StatusCode.NOT_FOUND
    assert (await rig.events()).count(REQUESTED) == 1


async def test_signing_in_to_a_deleted_account_is_answered_like_an_unknown_address(rig: Rig) -> None:
    await ask_deletion(rig, await rig.sign_up())
    answers = []
    for address in (EMAIL, "nobody@example.org"):
        request = session_service_pb2.SignInRequest(email=address, password=PASSWORD)
        answers.append(await refused(rig.sessions.SignIn(request)))
    assert answers[0] == answers[1]


async def test_refreshing_in_a_deleted_account_is_answered_like_an_unknown_token(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await ask_deletion(rig, tokens)
    assert await refused(rig.refresh(tokens.refresh_token)) == await refused(rig.refresh("pmr_unknown"))


async def test_a_reset_of_a_deleted_account_is_answered_like_any_and_sends_nothing(rig: Rig) -> None:
    await ask_deletion(rig, await rig.sign_up())
    sent = len(await rig.mails())
    await rig.accounts.RequestPasswordReset(wire.RequestPasswordResetRequest(email=EMAIL))
    assert (len(await rig.mails()), await rig.rows(password_resets)) == (sent, [])


async def test_a_reset_that_was_on_its_way_is_void_after_the_deletion(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await rig.accounts.RequestPasswordReset(wire.RequestPasswordResetRequest(email=EMAIL))
    token = (await rig.last_mail()).token
    await ask_deletion(rig, tokens)
    answers = [
        await refused(rig.accounts.ResetPassword(wire.ResetPasswordRequest(token=each, new_password=NEW)))
        for each in (token, "pmp_unknown")
    ]
    assert (answers[0], answers[0][1]) == (answers[1], "CODE_WRONG")


async def test_a_sign_in_that_awaited_its_code_is_over_after_the_deletion(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    secret, codes = await ways.set_up_totp(tokens)
    challenge = (await ways.challenged()).challenge
    await ask_deletion(rig, tokens, recovery_code=codes[0])
    call = ways.complete(challenge, totp_code=ways.code(secret))
    assert (await refused(call))[1] == "SIGN_IN_ATTEMPT_OVER"


async def test_a_token_of_before_the_deletion_changes_nothing_where_it_is_believed_still(
    rig: Rig, ways: Ways
) -> None:
    """As in a process that has not heard of the revocation yet."""
    tokens = await rig.sign_up()
    await ask_deletion(rig, tokens)
    caller = bearer(tokens)
    link = federation_service_pb2.StartLinkRequest(
        provider="good", redirect_uri="https://app.example.org/back", proof=BY_PASSWORD
    )
    calls: list[Any] = [
        rig.accounts.GetAccount(wire.GetAccountRequest(), metadata=caller),
        rig.accounts.UpdateAccount(wire.UpdateAccountRequest(language="ru"), metadata=caller),
        rig.accounts.ChangePassword(
            wire.ChangePasswordRequest(current_password=PASSWORD, new_password=NEW), metadata=caller
        ),
        rig.accounts.ChangeEmail(
            wire.ChangeEmailRequest(current_password=PASSWORD, new_email="new@example.org"), metadata=caller
        ),
        ways.passkeys.BeginRegistration(
            passkey_service_pb2.BeginRegistrationRequest(proof=BY_PASSWORD), metadata=caller
        ),
        ways.factors.BeginTotp(
            second_factor_service_pb2.BeginTotpRequest(proof=BY_PASSWORD), metadata=caller
        ),
        ways.federation.StartLink(link, metadata=caller),
    ]
    before = await rig.rows(accounts)
    for call in calls:
        assert (await refused(call))[0] is grpc.StatusCode.NOT_FOUND
    assert await rig.rows(accounts) == before


async def test_an_app_is_not_set_up_for_an_account_that_is_being_deleted(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    begin = second_factor_service_pb2.BeginTotpRequest(proof=BY_PASSWORD)
    begun = await ways.factors.BeginTotp(begin, metadata=bearer(tokens))
    await ask_deletion(rig, tokens)
    confirm = second_factor_service_pb2.ConfirmTotpRequest(code=ways.code(begun.secret))
    call = ways.factors.ConfirmTotp(confirm, metadata=bearer(tokens))
    assert (await refused(call))[1] == "SECOND_FACTOR_WRONG"
