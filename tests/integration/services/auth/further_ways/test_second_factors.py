"""Codes of an app and recovery codes: taken once, guessed by nobody, changed by the owner alone."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from pulsemesh.auth.v1 import second_factor_pb2, session_pb2
from pulsemesh.auth.v1 import second_factor_service_pb2 as wire
from services.auth.tables import recovery_codes, second_factors
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, refused
from tests.integration.services.auth.further_ways.conftest import BY_PASSWORD, Ways, claims_of

WRONG = (grpc.StatusCode.UNAUTHENTICATED, "SECOND_FACTOR_WRONG")
OVER = (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_ATTEMPT_OVER")
AGAIN = (grpc.StatusCode.PERMISSION_DENIED, "SIGN_IN_AGAIN")


def proof(**given: str) -> second_factor_pb2.OwnerProof:
    return second_factor_pb2.OwnerProof(**given)


async def state(ways: Ways, tokens: session_pb2.Tokens) -> second_factor_pb2.SecondFactors:
    answer = await ways.factors.GetSecondFactors(wire.GetSecondFactorsRequest(), metadata=bearer(tokens))
    return answer.second_factors  # type: ignore[no-any-return]


async def test_a_sign_in_needs_the_code_once_the_app_is_set_up(rig: Rig, ways: Ways) -> None:
    secret, codes = await ways.set_up_totp(await rig.sign_up())
    assert len(set(codes)) == 10
    challenge = await ways.challenged()
    assert set(challenge.methods) == {"totp", "recovery_code"}
    tokens = await ways.complete(challenge.challenge, totp_code=ways.code(secret))
    assert set(claims_of(tokens)["amr"]) == {"pwd", "otp", "mfa"}
    assert (await state(ways, tokens)).required


async def test_the_app_counts_only_after_its_first_code(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    await ways.factors.BeginTotp(wire.BeginTotpRequest(proof=BY_PASSWORD), metadata=bearer(tokens))
    wrong = ways.factors.ConfirmTotp(wire.ConfirmTotpRequest(code="000000"), metadata=bearer(tokens))
    assert (await refused(wrong))[:2] == WRONG
    assert not (await state(ways, tokens)).required
    await rig.sign_in()


async def test_a_code_is_taken_once(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    code = ways.code(secret)
    await ways.complete((await ways.challenged()).challenge, totp_code=code)
    again = ways.complete((await ways.challenged()).challenge, totp_code=code)
    assert (await refused(again))[:2] == WRONG


async def test_of_two_that_come_with_one_code_at_once_one_gets_in(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    challenges = [(await ways.challenged()).challenge for _ in range(2)]
    outcomes = await asyncio.gather(
        *(ways.complete(each, totp_code=ways.code(secret)) for each in challenges), return_exceptions=True
    )
    assert sum(isinstance(each, session_pb2.Tokens) for each in outcomes) == 1


async def test_the_code_that_confirmed_the_app_does_not_sign_in(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    begun = await ways.factors.BeginTotp(wire.BeginTotpRequest(proof=BY_PASSWORD), metadata=bearer(tokens))
    code = ways.code(begun.secret)
    await ways.factors.ConfirmTotp(wire.ConfirmTotpRequest(code=code), metadata=bearer(tokens))
    attempt = ways.complete((await ways.challenged()).challenge, totp_code=code)
    assert (await refused(attempt))[:2] == WRONG


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_the_neighbouring_steps_are_taken_and_no_others(
    rig: Rig, ways: Ways, steps: int, taken: bool
) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    rig.clock.advance(120)
    given = ways.complete((await ways.challenged()).challenge, totp_code=ways.code(secret, steps=steps))
    if taken:
        assert (await given).access_token
    else:
        assert (await refused(given))[:2] == WRONG


async def test_a_challenge_ends_after_five_wrong_codes_and_the_owner_is_told(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    challenge = (await ways.challenged()).challenge
    for _ in range(5):
        assert (await refused(ways.complete(challenge, totp_code="000000")))[:2] == WRONG
    assert (await refused(ways.complete(challenge, totp_code=ways.code(secret))))[:2] == OVER
    assert (await rig.last_mail()).subject == "Somebody tries to sign in to your Pulsemesh account"


async def test_who_knows_the_password_cannot_guess_on_with_new_challenges(rig: Rig, ways: Ways) -> None:
    await ways.set_up_totp(await rig.sign_up())
    reasons = []
    for _ in range(3):
        challenge = (await ways.challenged()).challenge
        for _ in range(4):
            reasons.append((await refused(ways.complete(challenge, totp_code="000000")))[1])
    assert reasons[:5] == ["SECOND_FACTOR_WRONG"] * 5
    assert reasons.count("SECOND_FACTOR_THROTTLED") >= 4


async def test_a_completed_challenge_is_over(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    challenge = (await ways.challenged()).challenge
    await ways.complete(challenge, totp_code=ways.code(secret))
    rig.clock.advance(60)
    assert (await refused(ways.complete(challenge, totp_code=ways.code(secret))))[:2] == OVER


async def test_a_challenge_is_over_after_minutes(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    challenge = (await ways.challenged()).challenge
    rig.clock.advance(301)
    assert (await refused(ways.complete(challenge, totp_code=ways.code(secret))))[:2] == OVER


async def test_a_recovery_code_gets_in_once_however_it_is_typed(rig: Rig, ways: Ways) -> None:
    _, codes = await ways.set_up_totp(await rig.sign_up())
    typed = codes[0].lower().replace("-", "").replace("0", "o").replace("1", "l")
    tokens = await ways.complete((await ways.challenged()).challenge, recovery_code=typed)
    assert "rec" in claims_of(tokens)["amr"]
    assert (await state(ways, tokens)).recovery_codes_left == 9
    assert "Codes left: 9" in (await rig.last_mail()).text
    again = ways.complete((await ways.challenged()).challenge, recovery_code=codes[0])
    assert (await refused(again))[:2] == WRONG


async def test_another_persons_recovery_code_is_worth_nothing(rig: Rig, ways: Ways) -> None:
    await ways.set_up_totp(await rig.sign_up())
    _, of_ben = await ways.set_up_totp(await rig.sign_up("ben@example.org"))
    attempt = ways.complete((await ways.challenged()).challenge, recovery_code=of_ben[0])
    assert (await refused(attempt))[:2] == WRONG


async def test_other_recovery_codes_void_the_earlier_ones(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    secret, codes = await ways.set_up_totp(tokens)
    request = wire.RegenerateRecoveryCodesRequest(proof=proof(totp_code=ways.code(secret)))
    made = await ways.factors.RegenerateRecoveryCodes(request, metadata=bearer(tokens))
    assert not set(made.recovery_codes) & set(codes)
    attempt = ways.complete((await ways.challenged()).challenge, recovery_code=codes[0])
    assert (await refused(attempt))[:2] == WRONG


@pytest.mark.parametrize("given", [proof(), proof(password=PASSWORD)])
async def test_a_stolen_session_with_the_password_cannot_turn_it_off(
    rig: Rig, ways: Ways, given: second_factor_pb2.OwnerProof
) -> None:
    tokens = await rig.sign_up()
    await ways.set_up_totp(tokens)
    call = ways.factors.DisableTotp(wire.DisableTotpRequest(proof=given), metadata=bearer(tokens))
    assert (await refused(call))[:2] == AGAIN


async def test_a_session_that_began_with_a_strong_proof_is_enough_for_minutes(rig: Rig, ways: Ways) -> None:
    secret, _ = await ways.set_up_totp(await rig.sign_up())
    tokens = await ways.complete((await ways.challenged()).challenge, totp_code=ways.code(secret))
    rig.clock.advance(560)
    await ways.factors.RegenerateRecoveryCodes(wire.RegenerateRecoveryCodesRequest(), metadata=bearer(tokens))
    rig.clock.advance(60)
    later = await rig.refresh(tokens.refresh_token)
    call = ways.factors.DisableTotp(wire.DisableTotpRequest(), metadata=bearer(later))
    assert (await refused(call))[:2] == AGAIN


async def test_the_owner_turns_it_off_and_nothing_of_it_remains(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    secret, _ = await ways.set_up_totp(tokens)
    request = wire.DisableTotpRequest(proof=proof(totp_code=ways.code(secret)))
    left = (await ways.factors.DisableTotp(request, metadata=bearer(tokens))).second_factors
    assert (left.required, left.recovery_codes_left) == (False, 0)
    assert await rig.rows(recovery_codes) == []
    await rig.sign_in()


async def test_without_a_second_factor_the_password_is_needed_to_set_one_up(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    call = ways.factors.BeginTotp(wire.BeginTotpRequest(), metadata=bearer(tokens))
    assert (await refused(call))[1] == "SIGN_IN_FAILED"


async def test_passkeys_cannot_be_required_without_one(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    request = wire.RequirePasskeyRequest(required=True, proof=BY_PASSWORD)
    call = ways.factors.RequirePasskey(request, metadata=bearer(tokens))
    assert (await refused(call))[0] == grpc.StatusCode.FAILED_PRECONDITION


async def test_neither_secret_nor_recovery_codes_can_be_read_from_the_database(rig: Rig, ways: Ways) -> None:
    secret, codes = await ways.set_up_totp(await rig.sign_up())
    kept = repr(await rig.rows(second_factors)) + repr(await rig.rows(recovery_codes))
    assert secret not in kept
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)


async def test_a_secret_in_another_persons_row_opens_nothing(rig: Rig, ways: Ways) -> None:
    """Who can write to the database cannot make their own app somebody else's."""
    from sqlalchemy import update

    secret, _ = await ways.set_up_totp(await rig.sign_up())
    ben = await rig.sign_up("ben@example.org")
    await ways.set_up_totp(ben)
    rows = {row["user_id"]: row for row in await rig.rows(second_factors)}
    anns = next(row["totp_secret"] for user_id, row in rows.items() if user_id != ben.user_id)
    statement = update(second_factors).where(second_factors.c.user_id == ben.user_id)
    async with rig.database.write() as transaction:
        await transaction.run(lambda conn: conn.execute(statement.values(totp_secret=anns)).rowcount)
    challenge = (await ways.challenged("ben@example.org")).challenge
    assert (await refused(ways.complete(challenge, totp_code=ways.code(secret))))[:2] == WRONG


async def test_every_change_is_told_by_mail(rig: Rig, ways: Ways) -> None:
    await ways.set_up_totp(await rig.sign_up(EMAIL))
    assert "second factors" in (await rig.last_mail()).subject
