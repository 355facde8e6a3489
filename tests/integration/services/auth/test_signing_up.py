"""From an address to an account: codes, links, and what is told to whom."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import account_service_pb2 as wire
from services.auth.accounts.signing_up import MAX_MAILS, MAX_WRONG_CODES
from services.auth.tables import accounts, sign_ups
from tests.integration.services.auth.conftest import (
    EMAIL,
    PASSWORD,
    Rig,
    bearer,
    refused,
    sign_up_request,
)

WRONG_CODE = (grpc.StatusCode.UNAUTHENTICATED, "CODE_WRONG")


def by_code(sign_up: str, code: str) -> wire.VerifyEmailRequest:
    return wire.VerifyEmailRequest(code=wire.CodeProof(sign_up=sign_up, code=code), device_name="phone")


def by_link(token: str, password: str = PASSWORD) -> wire.VerifyEmailRequest:
    return wire.VerifyEmailRequest(link=wire.LinkProof(token=token, password=password))


def another(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_the_code_of_the_mail_makes_the_account_and_signs_in(rig: Rig) -> None:
    begun = await rig.begin()
    assert await rig.rows(accounts) == []
    mail = await rig.last_mail()
    answer = await rig.accounts.VerifyEmail(by_code(begun.sign_up, mail.code))
    mine = await rig.accounts.GetAccount(wire.GetAccountRequest(), metadata=bearer(answer.tokens))
    assert mail.recipient == mine.account.email == EMAIL
    assert mine.account.user_id == answer.tokens.user_id
    assert mine.account.user_id.startswith("eu_")
    assert await rig.events() == ["AccountCreated", "EmailVerified", "SessionOpened"]


async def test_the_link_of_the_mail_works_with_the_password_of_the_sign_up(rig: Rig) -> None:
    await rig.begin()
    answer = await rig.accounts.VerifyEmail(by_link((await rig.last_mail()).token))
    assert answer.tokens.user_id


async def test_the_link_alone_makes_no_account_for_whoever_caused_the_mail(rig: Rig) -> None:
    await rig.begin(password="chosen by an attacker")
    token = (await rig.last_mail()).token
    assert (await refused(rig.accounts.VerifyEmail(by_link(token, "what the victim types"))))[
        :2
    ] == WRONG_CODE
    assert await rig.rows(accounts) == []


async def test_a_code_works_once(rig: Rig) -> None:
    begun = await rig.begin()
    request = by_code(begun.sign_up, (await rig.last_mail()).code)
    await rig.accounts.VerifyEmail(request)
    assert (await refused(rig.accounts.VerifyEmail(request)))[:2] == WRONG_CODE


async def test_a_code_expires(rig: Rig) -> None:
    begun = await rig.begin()
    request = by_code(begun.sign_up, (await rig.last_mail()).code)
    rig.clock.advance(3_601)
    assert (await refused(rig.accounts.VerifyEmail(request)))[:2] == WRONG_CODE


async def test_after_a_few_wrong_codes_the_right_one_is_void(rig: Rig) -> None:
    begun = await rig.begin()
    code = (await rig.last_mail()).code
    for _ in range(MAX_WRONG_CODES):
        assert (await refused(rig.accounts.VerifyEmail(by_code(begun.sign_up, another(code)))))[
            :2
        ] == WRONG_CODE
    assert (await refused(rig.accounts.VerifyEmail(by_code(begun.sign_up, code))))[:2] == WRONG_CODE


async def test_a_code_needs_the_client_that_began(rig: Rig) -> None:
    await rig.begin()
    code = (await rig.last_mail()).code
    assert (await refused(rig.accounts.VerifyEmail(by_code("pmu_guessed", code))))[:2] == WRONG_CODE


async def test_a_known_address_is_answered_like_a_new_one(rig: Rig) -> None:
    await rig.sign_up()
    known, new = await rig.begin(), await rig.begin("new@example.org")
    assert [field.name for field, _ in known.ListFields()] == [field.name for field, _ in new.ListFields()]
    assert len(known.sign_up) == len(new.sign_up)
    mails = {mail.recipient: mail for mail in (await rig.mails())[-2:]}
    assert "already" in mails[EMAIL].text
    assert mails["new@example.org"].code
    wrong = await refused(rig.accounts.VerifyEmail(by_code(known.sign_up, "000000")))
    assert wrong == await refused(rig.accounts.VerifyEmail(by_code(new.sign_up, "000000")))


async def test_a_known_address_costs_as_many_hashes_rows_and_mails_as_a_new_one(rig: Rig) -> None:
    await rig.sign_up()
    work = []
    for address in (EMAIL, "new@example.org"):
        before = (rig.passwords.runs, len(await rig.rows(sign_ups)), len(await rig.mails()))
        await rig.begin(address)
        after = (rig.passwords.runs, len(await rig.rows(sign_ups)), len(await rig.mails()))
        work.append([then - now for now, then in zip(before, after, strict=True)])
    assert work[0] == work[1] == [1, 1, 1]


async def test_a_repeated_request_is_the_same_sign_up_and_one_mail(rig: Rig) -> None:
    first, second = await rig.begin(request_id="r1"), await rig.begin(request_id="r1")
    assert first == second
    assert len(await rig.mails()) == 1


async def test_whoever_proves_the_address_first_has_it(rig: Rig) -> None:
    mine, theirs = await rig.begin(), await rig.begin(password="another password")
    codes = [mail.code for mail in await rig.mails()]
    await rig.accounts.VerifyEmail(by_code(mine.sign_up, codes[0]))
    assert (await refused(rig.accounts.VerifyEmail(by_code(theirs.sign_up, codes[1]))))[:2] == WRONG_CODE
    assert len(await rig.rows(accounts)) == 1


async def test_another_mail_voids_the_first_code_and_is_not_sent_at_once(rig: Rig) -> None:
    begun = await rig.begin()
    first = (await rig.last_mail()).code
    resend = wire.ResendVerificationRequest(sign_up=begun.sign_up)
    assert (await refused(rig.accounts.ResendVerification(resend)))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED
    rig.clock.advance(61)
    await rig.accounts.ResendVerification(resend)
    second = (await rig.last_mail()).code
    if first != second:
        assert (await refused(rig.accounts.VerifyEmail(by_code(begun.sign_up, first))))[:2] == WRONG_CODE
    await rig.accounts.VerifyEmail(by_code(begun.sign_up, second))


async def test_only_so_many_mails_go_to_one_address(rig: Rig) -> None:
    for number in range(3 * MAX_MAILS):
        await rig.begin(request_id=f"flood-{number}")
    assert len(await rig.mails()) <= MAX_MAILS


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"country": "US"}, "WRONG_CELL"),
        ({"country": "RU"}, "WRONG_CELL"),
        ({"at_least_years": 12}, "TOO_YOUNG"),
        ({"birth_date": "2020-01-01"}, "TOO_YOUNG"),
        ({"birth_date": "2001-02-30"}, "FIELD_INVALID"),
        ({"password": "short"}, "PASSWORD_WEAK"),
        ({"password": "aaaaaaaaaaaa"}, "PASSWORD_WEAK"),
        ({"password": "ann@example.org"}, "PASSWORD_WEAK"),
        ({"address": "not an address"}, "FIELD_INVALID"),
    ],
)
async def test_what_is_refused_at_the_door(rig: Rig, changes: dict[str, Any], reason: str) -> None:
    address = changes.pop("address", EMAIL)
    password = changes.pop("password", PASSWORD)
    assert (await refused(rig.accounts.SignUp(sign_up_request(address, password, **changes))))[1] == reason
    assert await rig.rows(sign_ups) == []


async def test_people_of_another_cell_are_told_where_to_go(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rig.accounts.SignUp(sign_up_request(country="US"))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert b"https://us.example" in dict(caught.value.trailing_metadata() or ())["grpc-status-details-bin"]


async def test_mails_come_in_the_language_of_the_person(rig: Rig) -> None:
    await rig.begin(language="ru-RU")
    assert "Ваш код" in (await rig.last_mail()).subject


async def test_nothing_in_the_database_shows_a_code_a_token_or_a_password(rig: Rig, tmp_path: Any) -> None:
    begun = await rig.begin()
    mail = await rig.last_mail()
    kept = repr(await rig.rows(sign_ups))
    for secret in (begun.sign_up, mail.token, PASSWORD):
        assert secret not in kept


async def test_a_code_that_was_never_mailed_cannot_be_guessed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.auth.accounts.signing_up.new_code", lambda: "123456")
    begun = [await rig.begin(request_id=f"flood-{number}") for number in range(MAX_MAILS + 3)]
    assert len(await rig.mails()) < len(begun)
    unmailed = begun[-1].sign_up
    assert (await refused(rig.accounts.VerifyEmail(by_code(unmailed, "123456"))))[:2] == WRONG_CODE
    await rig.accounts.VerifyEmail(by_code(begun[0].sign_up, "123456"))
