"""What the owner changes, and what the owner of a mailbox can do without the password."""

from __future__ import annotations

import re

import grpc
import pytest

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1 import session_service_pb2
from services.auth.personal_data import WITHHELD, forgetting
from services.auth.staff import store as grants
from services.auth.staff.store import Grant
from services.auth.tables import (
    accounts,
    mails,
    metadata,
    password_resets,
    revocations,
    sign_ups,
    staff_grants,
)
from services.chassis.personal_data import PersonalData, rows_of
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, refused

NEW = "another good password"
WRONG_CODE = (grpc.StatusCode.UNAUTHENTICATED, "CODE_WRONG")


async def ask_reset(rig: Rig, address: str = EMAIL) -> None:
    await rig.accounts.RequestPasswordReset(wire.RequestPasswordResetRequest(email=address))


async def test_a_reset_sets_another_password_once_and_ends_all_sessions(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await ask_reset(rig)
    request = wire.ResetPasswordRequest(token=(await rig.last_mail()).token, new_password=NEW)
    assert (await rig.accounts.ResetPassword(request)).ended_sessions == 1
    assert (await refused(rig.accounts.ResetPassword(request)))[:2] == WRONG_CODE
    assert (await rig.sign_in(password=NEW)).user_id == tokens.user_id
    again = session_service_pb2.RefreshRequest(refresh_token=tokens.refresh_token)
    assert (await refused(rig.sessions.Refresh(again)))[1] == "SESSION_ENDED"
    assert "was changed" in (await rig.last_mail()).text


async def test_asking_for_a_reset_writes_the_same_for_every_address(rig: Rig) -> None:
    await rig.sign_up()
    kept = []
    for address in (EMAIL, "nobody@example.org"):
        await ask_reset(rig, address)
        rows = await rig.rows(mails)
        kept.append([(row["template"], row["language"], len(row["parameters"])) for row in rows[-1:]])
    assert kept[0] == kept[1]
    before = len(await rig.rows(password_resets))
    sent = [mail.recipient for mail in await rig.mails()]
    assert (before, "nobody@example.org" in sent) == (0, False)
    assert len(await rig.rows(password_resets)) == 1


async def test_the_link_of_a_reset_expires(rig: Rig) -> None:
    await rig.sign_up()
    await ask_reset(rig)
    request = wire.ResetPasswordRequest(token=(await rig.last_mail()).token, new_password=NEW)
    rig.clock.advance(1_801)
    assert (await refused(rig.accounts.ResetPassword(request)))[:2] == WRONG_CODE


async def test_a_weak_password_leaves_the_link_good(rig: Rig) -> None:
    await rig.sign_up()
    await ask_reset(rig)
    token = (await rig.last_mail()).token
    weak = wire.ResetPasswordRequest(token=token, new_password="short")
    assert (await refused(rig.accounts.ResetPassword(weak)))[1] == "PASSWORD_WEAK"
    await rig.accounts.ResetPassword(wire.ResetPasswordRequest(token=token, new_password=NEW))


async def test_a_reset_works_while_guessing_is_blocked(rig: Rig) -> None:
    await rig.sign_up()
    for n in range(8):
        guess = session_service_pb2.SignInRequest(email=EMAIL, password=f"guess number {n}")
        await refused(rig.sessions.SignIn(guess))
    await ask_reset(rig)
    request = wire.ResetPasswordRequest(token=(await rig.last_mail()).token, new_password=NEW)
    await rig.accounts.ResetPassword(request)


async def test_changing_the_password_needs_the_present_one_and_ends_the_other_sessions(rig: Rig) -> None:
    here = await rig.sign_up()
    await rig.sign_in()
    wrong = wire.ChangePasswordRequest(current_password="not mine at all", new_password=NEW)
    assert (await refused(rig.accounts.ChangePassword(wrong, metadata=bearer(here))))[1] == "SIGN_IN_FAILED"
    right = wire.ChangePasswordRequest(current_password=PASSWORD, new_password=NEW)
    assert (await rig.accounts.ChangePassword(right, metadata=bearer(here))).ended_sessions == 1
    assert (await rig.refresh(here.refresh_token)).session_id == here.session_id
    assert "PasswordChanged" in await rig.events()


async def test_another_address_counts_once_its_code_is_entered_and_both_are_told(rig: Rig) -> None:
    tokens = await rig.sign_up()
    change = wire.ChangeEmailRequest(new_email="new@example.org", current_password=PASSWORD)
    await rig.accounts.ChangeEmail(change, metadata=bearer(tokens))
    mails_sent = await rig.mails()
    code = next(mail.code for mail in mails_sent if mail.recipient == "new@example.org")
    assert "new@example.org" in next(mail.text for mail in mails_sent[-2:] if mail.recipient == EMAIL)
    mine = await rig.accounts.GetAccount(wire.GetAccountRequest(), metadata=bearer(tokens))
    assert (mine.account.email, mine.account.pending_email) == (EMAIL, "new@example.org")
    confirm = wire.ConfirmEmailChangeRequest(code=code)
    answer = await rig.accounts.ConfirmEmailChange(confirm, metadata=bearer(tokens))
    assert answer.account.email == "new@example.org"
    told = {mail.recipient for mail in (await rig.mails())[-2:]}
    assert told == {EMAIL, "new@example.org"}
    assert (await rig.sign_in("new@example.org")).user_id == tokens.user_id


async def test_the_address_of_another_account_is_answered_alike_and_never_taken(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await rig.sign_up("bea@example.org")
    change = wire.ChangeEmailRequest(new_email="bea@example.org", current_password=PASSWORD)
    answer = await rig.accounts.ChangeEmail(change, metadata=bearer(tokens))
    assert answer.HasField("expires_at")
    texts = [mail.text for mail in await rig.mails() if mail.recipient == "bea@example.org"]
    assert "another Pulsemesh account" in texts[-1]
    confirm = wire.ConfirmEmailChangeRequest(code="000000")
    refusal = await refused(rig.accounts.ConfirmEmailChange(confirm, metadata=bearer(tokens)))
    assert refusal[:2] == WRONG_CODE


async def test_codes_of_a_change_cannot_be_guessed_at_leisure(rig: Rig) -> None:
    tokens = await rig.sign_up()
    change = wire.ChangeEmailRequest(new_email="new@example.org", current_password=PASSWORD)
    await rig.accounts.ChangeEmail(change, metadata=bearer(tokens))
    code = next(mail.code for mail in await rig.mails() if mail.recipient == "new@example.org")
    for n in range(5):
        wrong = wire.ConfirmEmailChangeRequest(code=f"{(int(code) + n + 1) % 1_000_000:06d}")
        await refused(rig.accounts.ConfirmEmailChange(wrong, metadata=bearer(tokens)))
    right = wire.ConfirmEmailChangeRequest(code=code)
    assert (await refused(rig.accounts.ConfirmEmailChange(right, metadata=bearer(tokens))))[:2] == WRONG_CODE


async def test_who_asks_for_deletion_is_out_at_once(rig: Rig) -> None:
    tokens = await rig.sign_up()
    request = wire.RequestAccountDeletionRequest(current_password=PASSWORD)
    await rig.accounts.RequestAccountDeletion(request, metadata=bearer(tokens))
    again = session_service_pb2.SignInRequest(email=EMAIL, password=PASSWORD)
    assert (await refused(rig.sessions.SignIn(again)))[1] == "SIGN_IN_FAILED"
    assert "AccountDeletionRequested" in await rig.events()
    assert len(await rig.rows(revocations)) == 2  # the session's, and the person's


async def test_an_erased_account_leaves_revocations_of_its_sessions_alone(rig: Rig) -> None:
    tokens = await rig.sign_up()
    await rig.begin("ann2@example.org")
    change = wire.ChangeEmailRequest(new_email="new@example.org", current_password=PASSWORD)
    await rig.accounts.ChangeEmail(change, metadata=bearer(tokens))
    data = PersonalData("auth", metadata, rig.database, before=forgetting(rig.clock))
    await data.erase(tokens.user_id)
    for table in metadata.sorted_tables:
        for trace in (tokens.user_id, EMAIL, "new@example.org"):
            assert trace not in repr(await rig.rows(table)), table.name
    assert [row["user_id"] for row in await rig.rows(revocations)] == [""]
    assert len(await rig.rows(sign_ups)) == 1  # somebody else's
    assert tokens.user_id not in repr(await rig.events())


async def test_roles_that_an_erased_person_gave_stay_and_name_nobody(rig: Rig) -> None:
    ann, bea = await rig.sign_up(), await rig.sign_up("bea@example.org")
    grant = Grant(
        grant_id="0" * 26,
        user_id=bea.user_id,
        role="support",
        granted_by=ann.user_id,
        granted_ms=1,
        reason="",
        expires_ms=None,
        emergency=False,
    )
    async with rig.database.write() as transaction:
        await transaction.run(grants.add, grant)
    data = PersonalData("auth", metadata, rig.database, before=forgetting(rig.clock))
    places = {place.place: place.count for place in await data.erase(ann.user_id)}
    (left,) = await rig.rows(staff_grants)
    assert (left["user_id"], left["granted_by"]) == (bea.user_id, "")
    assert (places["table staff_grants, given by them"], places["table staff_grants"]) == (1, 0)


def test_no_secret_is_handed_over_with_an_export() -> None:
    names = re.compile(r"sha256|_mac$|secret|hash|salt|challenge$")
    secrets = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if rows_of(table, "") is not None and names.search(column.name)
    }
    assert secrets <= WITHHELD
    columns = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.columns}
    assert columns >= WITHHELD


async def test_the_language_of_mails_can_be_changed(rig: Rig) -> None:
    tokens = await rig.sign_up()
    request = wire.UpdateAccountRequest(language="ru")
    answer = await rig.accounts.UpdateAccount(request, metadata=bearer(tokens))
    assert answer.account.language == "ru"
    assert (await rig.rows(accounts))[0]["language"] == "ru"


@pytest.mark.parametrize("method", ["GetAccount", "UpdateAccount"])
async def test_nobody_sees_or_changes_an_account_without_a_token(rig: Rig, method: str) -> None:
    request = getattr(wire, f"{method}Request")()
    assert (await refused(getattr(rig.accounts, method)(request)))[0] is grpc.StatusCode.UNAUTHENTICATED
