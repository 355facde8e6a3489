"""Devices without a browser, from their code to tokens that work."""

from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import account_service_pb2
from pulsemesh.auth.v1 import device_grant_service_pb2 as wire
from services.auth.oauth.clients import DEVICE
from services.auth.oauth.device_pairing import GUESSES_OF_PERSON, LIFETIME_S
from services.auth.oauth.housekeeping import OAuthHousekeeping
from services.auth.oauth.user_codes import ALPHABET
from services.auth.tables import oauth_device_grants
from tests.integration.services.auth.conftest import bearer, refused
from tests.integration.services.auth.oauth.conftest import EDGE, Provider

UNKNOWN = (grpc.StatusCode.NOT_FOUND, "USER_CODE_UNKNOWN")


def look(code: str, language: str = "") -> wire.GetPendingDeviceRequest:
    return wire.GetPendingDeviceRequest(user_code=code, language=language)


async def test_a_device_gets_what_it_needs_to_ask_a_person(provider: Provider) -> None:
    begun = await provider.begin_device()
    first, hyphen, second = begun["user_code"].partition("-")
    assert set(first + second) <= set(ALPHABET)
    assert (len(first), hyphen, len(second)) == (4, "-", 4)
    assert begun["verification_uri"] == f"{provider.issuer}/oauth/device"
    assert begun["verification_uri_complete"].endswith(f"?user_code={begun['user_code']}")
    assert (begun["expires_in"], begun["interval"]) == (LIFETIME_S, 5)


async def test_a_device_waits_until_somebody_confirms(provider: Provider) -> None:
    begun = await provider.begin_device()
    answer = await provider.poll(begun)
    assert (answer.status_code, answer.json()["error"]) == (400, "authorization_pending")


async def test_a_device_that_was_let_in_gets_tokens_of_a_device(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    tokens = await provider.paired(owner)
    assert tokens["scope"] == "ingest workout.read"
    assert tokens["token_type"] == "Bearer"
    whoami = account_service_pb2.GetAccountRequest()
    code, reason, _ = await refused(
        provider.rig.accounts.GetAccount(whoami, metadata=bearer(tokens["access_token"]))
    )
    # Known, and kept from what only the owner's own programs may do.
    assert (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_the_person_sees_who_asks_for_what(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device(device_name="Shed  Pi", scope="ingest")
    answer = await provider.devices.GetPendingDevice(look(begun["user_code"].lower()), metadata=bearer(owner))
    device = answer.device
    assert (device.app_name, device.client_id, device.device_name) == (
        "Pulsemesh sensor gateway",
        EDGE,
        "Shed Pi",
    )
    assert [(each.scope, each.text) for each in device.scopes] == [
        ("ingest", "Record workouts for you and send files")
    ]
    assert device.place == "127.0.0.0/24"


async def test_an_impatient_device_must_wait_longer(provider: Provider) -> None:
    begun = await provider.begin_device()
    await provider.poll(begun)
    at_once = await provider.token(client_id=EDGE, grant_type=DEVICE, device_code=begun["device_code"])
    assert at_once.json()["error"] == "slow_down"
    after_five = await provider.poll(begun)
    assert after_five.json()["error"] == "slow_down"
    after_fifteen = await provider.poll({**begun, "interval": 15})
    assert after_fifteen.json()["error"] == "authorization_pending"


async def test_a_device_that_is_turned_away_hears_of_it(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    await provider.devices.DenyDevice(
        wire.DenyDeviceRequest(user_code=begun["user_code"]), metadata=bearer(owner)
    )
    assert (await provider.poll(begun)).json()["error"] == "access_denied"
    assert (await provider.poll(begun)).json()["error"] == "invalid_grant"


async def test_a_code_gets_out_of_date(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    provider.rig.clock.advance(LIFETIME_S - 5)
    owner = await provider.rig.refresh(owner.refresh_token)
    provider.rig.clock.advance(5)
    call = provider.devices.GetPendingDevice(look(begun["user_code"]), metadata=bearer(owner))
    assert (await refused(call))[:2] == UNKNOWN
    assert (await provider.poll(begun)).json()["error"] == "expired_token"


async def test_a_device_code_is_used_once(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    await provider.approve(begun, owner)
    assert (await provider.poll(begun)).status_code == 200
    assert (await provider.poll(begun)).json()["error"] == "invalid_grant"


async def test_a_device_code_of_another_client_is_refused(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    await provider.approve(begun, owner)
    assert (await provider.poll(begun, "pulsemesh-cli")).json()["error"] == "invalid_grant"
    assert (await provider.poll(begun)).status_code == 200


async def test_nobody_confirms_what_another_person_confirmed(provider: Provider) -> None:
    ann = await provider.rig.sign_up()
    bob = await provider.rig.sign_up("bob@example.org")
    begun = await provider.begin_device()
    await provider.approve(begun, ann)
    request = wire.ApproveDeviceRequest(user_code=begun["user_code"])
    assert (await refused(provider.devices.ApproveDevice(request, metadata=bearer(bob))))[:2] == UNKNOWN


async def test_guessing_user_codes_is_slowed_down(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    for _ in range(GUESSES_OF_PERSON.free + 1):
        call = provider.devices.GetPendingDevice(look("BBBB-BBBB"), metadata=bearer(owner))
        assert (await refused(call))[:2] == UNKNOWN
    call = provider.devices.GetPendingDevice(look(begun["user_code"]), metadata=bearer(owner))
    assert (await refused(call))[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_codes_of_ones_own_make_no_room_for_guesses(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    answers = []
    for _ in range(GUESSES_OF_PERSON.free + 2):
        guess = provider.devices.GetPendingDevice(look("BBBB-BBBB"), metadata=bearer(owner))
        answers.append((await refused(guess))[0])
        if answers[-1] is grpc.StatusCode.NOT_FOUND and len(answers) < GUESSES_OF_PERSON.free:
            await provider.devices.GetPendingDevice(look(begun["user_code"]), metadata=bearer(owner))
    assert answers[-1] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_device_goes_on_with_its_refresh_token(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    provider.rig.clock.advance(30 * 86_400)
    answer = await provider.token(
        client_id=EDGE, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert answer.status_code == 200
    assert answer.json()["scope"] == "ingest workout.read"
    assert answer.json()["refresh_token"] != tokens["refresh_token"]


async def test_a_device_of_somebody_who_left_is_not_let_in(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device()
    await provider.approve(begun, owner)
    await provider.rig.accounts.RequestAccountDeletion(
        account_service_pb2.RequestAccountDeletionRequest(current_password="correct horse battery"),
        metadata=bearer(owner),
    )
    assert (await provider.poll(begun)).json()["error"] == "access_denied"


async def test_codes_that_are_over_are_forgotten(provider: Provider) -> None:
    await provider.begin_device()
    keeper = next(task for task in provider.rig.module.background if isinstance(task, OAuthHousekeeping))
    await keeper.forget()
    assert len(await provider.rig.rows(oauth_device_grants)) == 1
    provider.rig.clock.advance(2 * LIFETIME_S + 1)
    await keeper.forget()
    assert await provider.rig.rows(oauth_device_grants) == []
