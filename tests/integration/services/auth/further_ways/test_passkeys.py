"""Passkeys: made by their owner, good for their site, their challenge and their person, each once."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from pulsemesh.auth.v1 import passkey_pb2, second_factor_service_pb2, session_pb2
from pulsemesh.auth.v1 import passkey_service_pb2 as wire
from services.auth.store import accounts
from services.auth.tables import ceremonies
from services.auth.tables import passkeys as passkey_table
from tests.integration.services.auth.conftest import Rig, bearer, refused
from tests.integration.services.auth.further_ways.authenticator import (
    BE,
    BS,
    RIGHT,
    Behaviour,
    SoftPasskey,
    b64,
    copy_of,
    create,
    get,
)
from tests.integration.services.auth.further_ways.conftest import BY_PASSWORD, Ways, claims_of

REFUSED = (grpc.StatusCode.UNAUTHENTICATED, "PASSKEY_REFUSED")
OVER = (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_ATTEMPT_OVER")


async def begin(ways: Ways, tokens: session_pb2.Tokens) -> wire.BeginRegistrationResponse:
    request = wire.BeginRegistrationRequest(proof=BY_PASSWORD)
    return await ways.passkeys.BeginRegistration(request, metadata=bearer(tokens))  # type: ignore[no-any-return]


async def finish(
    ways: Ways, tokens: session_pb2.Tokens, registration: str, made: str, name: str = "Phone"
) -> passkey_pb2.Passkey:
    request = wire.FinishRegistrationRequest(registration=registration, credential_json=made, name=name)
    answer = await ways.passkeys.FinishRegistration(request, metadata=bearer(tokens))
    return answer.passkey  # type: ignore[no-any-return]


async def register(
    ways: Ways, tokens: session_pb2.Tokens, behaviour: Behaviour = RIGHT, **passkey: object
) -> tuple[SoftPasskey, passkey_pb2.Passkey]:
    begun = await begin(ways, tokens)
    soft, made = create(begun.options_json, behaviour, **passkey)
    return soft, await finish(ways, tokens, begun.registration, made)


async def ask(ways: Ways, challenge: str = "") -> wire.BeginPasskeySignInResponse:
    request = wire.BeginPasskeySignInRequest(challenge=challenge)
    return await ways.passkeys.BeginPasskeySignIn(request)  # type: ignore[no-any-return]


async def give(ways: Ways, sign_in: str, signed: str, **more: str) -> session_pb2.Tokens:
    request = wire.FinishPasskeySignInRequest(sign_in=sign_in, credential_json=signed, **more)
    return (await ways.passkeys.FinishPasskeySignIn(request)).tokens  # type: ignore[no-any-return]


async def sign_in(ways: Ways, soft: SoftPasskey, behaviour: Behaviour = RIGHT) -> session_pb2.Tokens:
    begun = await ask(ways)
    return await give(ways, begun.sign_in, get(begun.options_json, soft, behaviour))


async def test_a_passkey_signs_in_without_an_address(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, kept = await register(ways, owner)
    tokens = await sign_in(ways, soft)
    assert tokens.user_id == owner.user_id
    assert claims_of(tokens)["amr"] == ["hwk"]
    assert not kept.may_be_backed_up
    assert (await rig.last_mail()).subject == "A passkey was added to your Pulsemesh account"


async def test_the_options_reveal_nobody_and_ask_for_verification(rig: Rig, ways: Ways) -> None:
    options = json.loads((await ask(ways)).options_json)
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"


async def test_a_synchronised_passkey_need_not_count_and_its_backup_is_kept(rig: Rig, ways: Ways) -> None:
    soft, kept = await register(ways, await rig.sign_up(), count=None, backup=BE)
    assert (kept.may_be_backed_up, kept.backed_up) == (True, False)
    soft.backup = BE | BS
    for _ in range(2):
        assert claims_of(await sign_in(ways, soft))["amr"] == ["swk"]
    assert [row["backed_up"] for row in await rig.rows(passkey_table)] == [True]


async def test_a_passkey_that_becomes_copyable_is_refused(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    soft.backup = BE
    assert (await refused(sign_in(ways, soft)))[:2] == REFUSED


async def test_an_attestation_by_the_passkey_itself_is_proved(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner, Behaviour(packed=True))
    await sign_in(ways, soft)
    with_broken = register(ways, owner, Behaviour(packed=True, tampered=True))
    assert (await refused(with_broken))[:2] == REFUSED


WRONG_AT_BOTH = {
    "wrong origin": Behaviour(origin="https://localhost.evil.example"),
    "origin of another port": Behaviour(origin="http://localhost:50081"),
    "wrong site": Behaviour(rp_id="evil.example"),
    "wrong challenge": Behaviour(challenge=b64(b"0" * 32)),
    "within another page": Behaviour(cross_origin=True),
    "unverified user": Behaviour(verified=False),
    "absent user": Behaviour(present=False),
}


@pytest.mark.parametrize("wrong", [*WRONG_AT_BOTH.values(), Behaviour(type="webauthn.get")])
async def test_a_passkey_that_was_not_made_as_asked_is_refused(
    rig: Rig, ways: Ways, wrong: Behaviour
) -> None:
    assert (await refused(register(ways, await rig.sign_up(), wrong)))[:2] == REFUSED
    assert await rig.rows(passkey_table) == []


@pytest.mark.parametrize(
    "wrong",
    [
        *WRONG_AT_BOTH.values(),
        Behaviour(type="webauthn.create"),
        Behaviour(tampered=True),
        Behaviour(user_handle=b"eu_01J00000000000000000000000"),
    ],
)
async def test_a_signature_that_is_not_as_asked_is_refused(rig: Rig, ways: Ways, wrong: Behaviour) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    assert (await refused(sign_in(ways, soft, wrong)))[:2] == REFUSED


async def test_a_signature_is_good_once(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up(), count=None)
    begun = await ask(ways)
    signed = get(begun.options_json, soft)
    await give(ways, begun.sign_in, signed)
    assert (await refused(give(ways, begun.sign_in, signed)))[:2] == OVER


async def test_of_two_that_come_with_one_signature_at_once_one_gets_in(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up(), count=None)
    begun = await ask(ways)
    signed = get(begun.options_json, soft)
    outcomes = await asyncio.gather(
        *(give(ways, begun.sign_in, signed) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, session_pb2.Tokens) for each in outcomes) == 1


async def test_a_challenge_is_used_up_by_a_wrong_signature(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    begun = await ask(ways)
    wrong = get(begun.options_json, soft, Behaviour(tampered=True))
    assert (await refused(give(ways, begun.sign_in, wrong)))[:2] == REFUSED
    assert (await refused(give(ways, begun.sign_in, get(begun.options_json, soft))))[:2] == OVER


async def test_a_signature_of_one_challenge_does_not_fit_another(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    overheard = get((await ask(ways)).options_json, soft)
    mine = await ask(ways)
    assert (await refused(give(ways, mine.sign_in, overheard)))[:2] == REFUSED


async def test_a_challenge_is_over_after_minutes_and_is_forgotten(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    begun = await ask(ways)
    rig.clock.advance(301)
    assert (await refused(give(ways, begun.sign_in, get(begun.options_json, soft))))[:2] == OVER
    await ask(ways)
    rig.clock.advance(301)
    housekeeping = next(task for task in rig.module.background if task.name == "auth housekeeping")
    await housekeeping.tidy()
    assert await rig.rows(ceremonies) == []


async def test_a_counter_that_went_back_is_refused_and_told(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    stolen = copy_of(soft)
    await sign_in(ways, soft)
    await sign_in(ways, soft)
    code, reason, _ = await refused(sign_in(ways, stolen))
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "PASSKEY_COPIED")
    assert (await rig.last_mail()).subject == "A passkey of your Pulsemesh account may have been copied"
    assert (await sign_in(ways, soft)).access_token  # its owner's goes on counting


async def test_a_counter_without_the_signature_worries_nobody(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    await sign_in(ways, soft)
    before = len(await rig.mails())
    forged = SoftPasskey(soft.rp_id, soft.user_handle, soft.credential_id, count=0)
    forged.count = -1
    assert (await refused(sign_in(ways, forged)))[:2] == REFUSED
    assert len(await rig.mails()) == before


async def test_an_unknown_passkey_is_refused_like_a_wrong_one(rig: Rig, ways: Ways) -> None:
    soft, _ = await register(ways, await rig.sign_up())
    unknown = SoftPasskey("localhost", soft.user_handle)
    wrong = await refused(sign_in(ways, soft, Behaviour(tampered=True)))
    assert await refused(sign_in(ways, unknown)) == wrong


async def test_the_registration_of_another_person_is_not_mine_to_finish(rig: Rig, ways: Ways) -> None:
    begun = await begin(ways, await rig.sign_up())
    _, made = create(begun.options_json)
    mallory = await rig.sign_up("mallory@example.org")
    assert (await refused(finish(ways, mallory, begun.registration, made)))[:2] == OVER


async def test_a_passkey_that_somebody_has_is_not_taken_over(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner)
    mallory = await rig.sign_up("mallory@example.org")
    begun = await begin(ways, mallory)
    _, made = create(begun.options_json, credential_id=soft.credential_id)
    call = finish(ways, mallory, begun.registration, made)
    assert (await refused(call))[0] == grpc.StatusCode.ALREADY_EXISTS
    assert (await sign_in(ways, soft)).user_id == owner.user_id


async def test_a_registration_is_no_sign_in(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    soft, _ = await register(ways, tokens)
    begun = await begin(ways, tokens)
    assert (await refused(give(ways, begun.registration, get(begun.options_json, soft))))[:2] == OVER


async def test_a_passkey_is_made_only_by_who_proves_to_be_the_owner(rig: Rig, ways: Ways) -> None:
    tokens = await rig.sign_up()
    call = ways.passkeys.BeginRegistration(wire.BeginRegistrationRequest(), metadata=bearer(tokens))
    assert (await refused(call))[1] == "SIGN_IN_FAILED"


async def test_a_passkey_is_the_second_proof_without_verification(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner)
    await ways.set_up_totp(owner)
    challenge = await ways.challenged()
    assert set(challenge.methods) == {"totp", "recovery_code", "passkey"}
    begun = await ask(ways, challenge.challenge)
    assert [each["id"] for each in json.loads(begun.options_json)["allowCredentials"]] == [
        b64(soft.credential_id)
    ]
    tokens = await give(ways, begun.sign_in, get(begun.options_json, soft, Behaviour(verified=False)))
    assert set(claims_of(tokens)["amr"]) == {"pwd", "hwk", "mfa"}


async def test_another_persons_passkey_is_no_second_proof(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    await register(ways, owner)
    await ways.set_up_totp(owner)
    mallorys, _ = await register(ways, await rig.sign_up("mallory@example.org"))
    begun = await ask(ways, (await ways.challenged()).challenge)
    signed = get(begun.options_json, mallorys)
    assert (await refused(give(ways, begun.sign_in, signed)))[:2] == REFUSED


async def test_a_second_proof_without_verification_is_no_sign_in_of_its_own(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner)
    await ways.set_up_totp(owner)
    challenge = (await ways.challenged()).challenge
    begun = await ask(ways, challenge)
    signed = get(begun.options_json, soft, Behaviour(verified=False))
    rig.clock.advance(301)
    assert (await refused(give(ways, begun.sign_in, signed)))[:2] == OVER


async def test_passkeys_that_are_required_are_asked_for_until_the_last_is_gone(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    _, kept = await register(ways, owner)
    await rig.sign_in()  # a passkey alone asks for nothing
    required = await ways.factors.RequirePasskey(
        second_factor_service_pb2.RequirePasskeyRequest(required=True, proof=BY_PASSWORD),
        metadata=bearer(owner),
    )
    assert len(required.recovery_codes) == 10
    challenge = await ways.challenged()
    tokens = await ways.complete(challenge.challenge, recovery_code=required.recovery_codes[0])
    request = wire.DeletePasskeyRequest(passkey_id=kept.passkey_id)
    assert (await ways.passkeys.DeletePasskey(request, metadata=bearer(tokens))).deleted
    await rig.sign_in()


async def test_passkeys_are_listed_renamed_and_deleted_by_their_owner_alone(rig: Rig, ways: Ways) -> None:
    owner, mallory = await rig.sign_up(), await rig.sign_up("mallory@example.org")
    soft, kept = await register(ways, owner)
    renaming = wire.RenamePasskeyRequest(passkey_id=kept.passkey_id, name="Key ring")
    call = ways.passkeys.RenamePasskey(renaming, metadata=bearer(mallory))
    assert (await refused(call))[0] == grpc.StatusCode.NOT_FOUND
    await ways.passkeys.RenamePasskey(renaming, metadata=bearer(owner))
    deleting = wire.DeletePasskeyRequest(passkey_id=kept.passkey_id, proof=BY_PASSWORD)
    assert not (await ways.passkeys.DeletePasskey(deleting, metadata=bearer(mallory))).deleted
    listed = await ways.passkeys.ListPasskeys(wire.ListPasskeysRequest(), metadata=bearer(owner))
    assert [each.name for each in listed.passkeys] == ["Key ring"]
    assert (await ways.passkeys.DeletePasskey(deleting, metadata=bearer(owner))).deleted
    assert (await refused(sign_in(ways, soft)))[:2] == REFUSED


async def test_the_last_way_in_is_never_deleted_not_by_two_at_once_either(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    (first, one), (_, two) = await register(ways, owner), await register(ways, owner)
    async with rig.database.write() as transaction:
        await transaction.run(accounts.change, owner.user_id, password_hash=None)
    caller = bearer(await sign_in(ways, first))
    outcomes = await asyncio.gather(
        *(
            ways.passkeys.DeletePasskey(
                wire.DeletePasskeyRequest(passkey_id=each.passkey_id), metadata=caller
            )
            for each in (one, two)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, wire.DeletePasskeyResponse) for each in outcomes) == 1
    assert len(await rig.rows(passkey_table)) == 1
    left = (await rig.rows(passkey_table))[0]["passkey_id"]
    call = ways.passkeys.DeletePasskey(wire.DeletePasskeyRequest(passkey_id=left), metadata=caller)
    assert (await refused(call))[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "LAST_WAY_IN")


async def test_a_device_is_told_which_passkeys_it_has_already(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner)
    options = json.loads((await begin(ways, owner)).options_json)
    assert [each["id"] for each in options["excludeCredentials"]] == [b64(soft.credential_id)]


async def test_a_passkey_of_an_account_that_is_being_deleted_is_refused(rig: Rig, ways: Ways) -> None:
    owner = await rig.sign_up()
    soft, _ = await register(ways, owner)
    async with rig.database.write() as transaction:
        await transaction.run(accounts.change, owner.user_id, state=accounts.DELETING)
    assert (await refused(sign_in(ways, soft)))[:2] == REFUSED
