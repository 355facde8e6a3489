"""What must happen once happens once, where callers really run at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pulsemesh.auth.v1 import passkey_service_pb2
from services.auth.store import accounts
from services.auth.tables import passkeys as passkey_table
from tests.integration.services.auth.conftest import bearer, running_rig
from tests.integration.services.auth.further_ways.authenticator import create, get
from tests.integration.services.auth.further_ways.conftest import BY_PASSWORD, Ways

AT_ONCE = 4


@pytest.fixture
async def ways(tmp_path: Path, postgres_url: str) -> AsyncIterator[Ways]:
    async with running_rig(tmp_path, postgres_url) as rig:
        yield Ways(rig)


async def test_a_code_a_signature_and_a_last_way_in_are_each_good_once(ways: Ways) -> None:
    """One scenario, for one database."""
    owner = await ways.rig.sign_up()
    made = []
    for name in ("one", "two"):
        begun = await ways.passkeys.BeginRegistration(
            passkey_service_pb2.BeginRegistrationRequest(proof=BY_PASSWORD), metadata=bearer(owner)
        )
        soft, credential = create(begun.options_json, count=None)
        request = passkey_service_pb2.FinishRegistrationRequest(
            registration=begun.registration, credential_json=credential, name=name
        )
        kept = (await ways.passkeys.FinishRegistration(request, metadata=bearer(owner))).passkey
        made.append((soft, kept))

    secret, _ = await ways.set_up_totp(owner)
    challenges = [(await ways.challenged()).challenge for _ in range(AT_ONCE)]
    code = ways.code(secret)
    assert await successes(*(ways.complete(each, totp_code=code) for each in challenges)) == 1

    asked = await ways.passkeys.BeginPasskeySignIn(passkey_service_pb2.BeginPasskeySignInRequest())
    finish = passkey_service_pb2.FinishPasskeySignInRequest(
        sign_in=asked.sign_in, credential_json=get(asked.options_json, made[0][0])
    )
    outcomes = await asyncio.gather(
        *(ways.passkeys.FinishPasskeySignIn(finish) for _ in range(AT_ONCE)), return_exceptions=True
    )
    opened = [each.tokens for each in outcomes if not isinstance(each, BaseException)]
    assert len(opened) == 1

    async with ways.rig.database.write() as transaction:
        await transaction.run(accounts.change, owner.user_id, password_hash=None)
    deletions = [
        ways.passkeys.DeletePasskey(
            passkey_service_pb2.DeletePasskeyRequest(passkey_id=kept.passkey_id), metadata=bearer(opened[0])
        )
        for _, kept in made
    ]
    assert await successes(*deletions) == 1
    assert len(await ways.rig.rows(passkey_table)) == 1


async def successes(*calls: Any) -> int:
    """How many of calls at the same time come to something."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    return sum(not isinstance(each, BaseException) for each in outcomes)
