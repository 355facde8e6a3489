"""Changing password or address, and deletion: what a person with a second factor has to prove."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from services.auth.store.accounts import ACTIVE
from services.auth.tables import accounts, email_changes
from tests.integration.services.auth.conftest import PASSWORD, Rig, bearer, refused
from tests.integration.services.auth.further_ways.conftest import Ways

AGAIN = (grpc.StatusCode.PERMISSION_DENIED, "SIGN_IN_AGAIN")
WRONG = (grpc.StatusCode.UNAUTHENTICATED, "SECOND_FACTOR_WRONG")
NEW = "another good password"
Request = Callable[..., Any]


def password_change(**more: Any) -> wire.ChangePasswordRequest:
    return wire.ChangePasswordRequest(new_password=NEW, **more)


def email_change(**more: Any) -> wire.ChangeEmailRequest:
    return wire.ChangeEmailRequest(new_email="new@example.org", **more)


def deletion(**more: Any) -> wire.RequestAccountDeletionRequest:
    return wire.RequestAccountDeletionRequest(**more)


METHODS = pytest.mark.parametrize(
    ("method", "request_of"),
    [
        ("ChangePassword", password_change),
        ("ChangeEmail", email_change),
        ("RequestAccountDeletion", deletion),
    ],
)


@METHODS
async def test_the_password_alone_is_refused_beside_a_second_factor(
    rig: Rig, ways: Ways, method: str, request_of: Request
) -> None:
    tokens = await rig.sign_up()
    await ways.set_up_totp(tokens)
    before = await rig.rows(accounts)
    for given in (
        request_of(current_password=PASSWORD),
        request_of(proof=OwnerProof(password=PASSWORD)),
        request_of(current_password=PASSWORD, proof=OwnerProof()),
    ):
        call = getattr(rig.accounts, method)(given, metadata=bearer(tokens))
        assert (await refused(call))[:2] == AGAIN
    assert await rig.rows(accounts) == before
    assert await rig.rows(email_changes) == []


@METHODS
async def test_a_code_of_the_app_is_enough_once(
    rig: Rig, ways: Ways, method: str, request_of: Request
) -> None:
    tokens = await rig.sign_up()
    secret, _ = await ways.set_up_totp(tokens)
    given = request_of(current_password=PASSWORD, proof=OwnerProof(totp_code=ways.code(secret)))
    await getattr(rig.accounts, method)(given, metadata=bearer(tokens))
    again = getattr(rig.accounts, method)(given, metadata=bearer(tokens))
    expected = "NOT_FOUND" if method == "RequestAccountDeletion" else "SECOND_FACTOR_WRONG"
    assert (await refused(again))[1] == expected


async def test_a_recovery_code_is_enough_and_is_used_up(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    _, codes = await ways.set_up_totp(tokens)
    given = password_change(proof=OwnerProof(recovery_code=codes[0]))
    await rig.accounts.ChangePassword(given, metadata=bearer(tokens))
    assert (await refused(rig.accounts.ChangePassword(given, metadata=bearer(tokens))))[:2] == WRONG


async def test_a_wrong_code_is_refused_though_the_password_is_right(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    await ways.set_up_totp(tokens)
    given = password_change(current_password=PASSWORD, proof=OwnerProof(totp_code="000000"))
    assert (await refused(rig.accounts.ChangePassword(given, metadata=bearer(tokens))))[:2] == WRONG


async def test_a_session_that_began_with_a_code_may_change_things_for_ten_minutes(
    rig: Rig, ways: Ways
) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    tokens = await ways.complete((await ways.challenged()).challenge, totp_code=ways.code(secret))
    rig.clock.advance(560)
    await rig.accounts.ChangePassword(password_change(), metadata=bearer(tokens))
    rig.clock.advance(60)
    later = await rig.refresh(tokens.refresh_token)
    call = rig.accounts.ChangeEmail(email_change(current_password=NEW), metadata=bearer(later))
    assert (await refused(call))[:2] == AGAIN


async def test_what_is_refused_anyway_uses_up_no_code(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    secret, _ = await ways.set_up_totp(tokens)
    code = OwnerProof(totp_code=ways.code(secret))
    weak = wire.ChangePasswordRequest(new_password="short", proof=code)
    reason = (await refused(rig.accounts.ChangePassword(weak, metadata=bearer(tokens))))[1]
    same = wire.ChangeEmailRequest(new_email="ann@example.org", proof=code)
    status = (await refused(rig.accounts.ChangeEmail(same, metadata=bearer(tokens))))[0]
    assert (reason, status) == ("PASSWORD_WEAK", grpc.StatusCode.INVALID_ARGUMENT)
    await rig.accounts.ChangePassword(password_change(proof=code), metadata=bearer(tokens))


@METHODS
@pytest.mark.parametrize("given", [{"current_password": PASSWORD}, {"proof": OwnerProof(password=PASSWORD)}])
async def test_without_a_second_factor_the_password_is_enough(
    rig: Rig, method: str, request_of: Request, given: dict[str, Any]
) -> None:
    tokens = await rig.sign_up()
    await getattr(rig.accounts, method)(request_of(**given), metadata=bearer(tokens))


@METHODS
async def test_without_a_second_factor_a_code_is_no_proof(rig: Rig, method: str, request_of: Request) -> None:
    tokens = await rig.sign_up()
    given = request_of(proof=OwnerProof(totp_code="123456"))
    call = getattr(rig.accounts, method)(given, metadata=bearer(tokens))
    assert (await refused(call))[1] == "SIGN_IN_FAILED"
    assert [row["state"] for row in await rig.rows(accounts)] == [ACTIVE]
