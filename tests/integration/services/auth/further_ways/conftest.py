"""The stubs of the further ways in, beside the rig of the auth domain."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyotp
import pytest

from pulsemesh.auth.v1 import (
    federation_service_pb2_grpc,
    passkey_service_pb2_grpc,
    second_factor_pb2,
    second_factor_service_pb2,
    second_factor_service_pb2_grpc,
    session_pb2,
    session_service_pb2,
)
from services.auth.module import module
from services.chassis import migrations
from services.chassis.database import open_database
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, running_rig

BY_PASSWORD = second_factor_pb2.OwnerProof(password=PASSWORD)


def claims_of(tokens: session_pb2.Tokens) -> dict[str, Any]:
    """What an access token says; whoever serves calls proves it."""
    body = tokens.access_token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@dataclass
class Ways:
    """A rig, its further stubs, and what a person does with them."""

    rig: Rig

    def __post_init__(self) -> None:
        channel = self.rig.channel
        self.factors: Any = second_factor_service_pb2_grpc.SecondFactorServiceStub(channel)
        self.passkeys: Any = passkey_service_pb2_grpc.PasskeyServiceStub(channel)
        self.federation: Any = federation_service_pb2_grpc.FederationServiceStub(channel)

    def code(self, secret: str, *, steps: int = 0) -> str:
        """What an app shows now, or some steps of 30 s away.

        Never just before the end of a step: the code would be another's by the time that it arrives.
        """
        if self.rig.clock.seconds() % 30 > 15:
            self.rig.clock.advance(15)
        return pyotp.TOTP(secret).at(int(self.rig.clock.seconds()) + 30 * steps)

    async def set_up_totp(self, tokens: session_pb2.Tokens) -> tuple[str, list[str]]:
        """The secret of an app that was set up, and the recovery codes. A minute passes."""
        caller = bearer(tokens)
        begun = await self.factors.BeginTotp(
            second_factor_service_pb2.BeginTotpRequest(proof=BY_PASSWORD), metadata=caller
        )
        confirmed = await self.factors.ConfirmTotp(
            second_factor_service_pb2.ConfirmTotpRequest(code=self.code(begun.secret)), metadata=caller
        )
        self.rig.clock.advance(60)
        return begun.secret, list(confirmed.recovery_codes)

    async def challenged(self, address: str = EMAIL) -> session_pb2.SecondFactorChallenge:
        """The challenge after the right password."""
        request = session_service_pb2.SignInRequest(email=address, password=PASSWORD)
        answer = await self.rig.sessions.SignIn(request)
        assert answer.result.WhichOneof("outcome") == "second_factor"
        return answer.result.second_factor  # type: ignore[no-any-return]

    async def complete(self, challenge: str, **proof: str) -> session_pb2.Tokens:
        """Give a second proof."""
        request = second_factor_service_pb2.CompleteSignInRequest(challenge=challenge, **proof)
        return (await self.factors.CompleteSignIn(request)).tokens  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an empty database, migrated once for all tests."""
    directory = tmp_path_factory.mktemp("migrated")
    asyncio.run(_migrate(directory))
    return directory


async def _migrate(directory: Path) -> None:
    assert module.migrations is not None
    database = open_database(f"sqlite:///{directory}", schema="auth")
    await migrations.prepare(database, module.migrations, on_start=True)
    await database.close()


@pytest.fixture
async def rig(tmp_path: Path, migrated: Path) -> AsyncIterator[Rig]:
    async with rig_over(tmp_path, migrated) as running:
        yield running


@asynccontextmanager
async def rig_over(directory: Path, migrated: Path) -> AsyncIterator[Rig]:
    """The domain over a copy of the migrated database."""
    shutil.copytree(migrated, directory, dirs_exist_ok=True)
    async with running_rig(directory, f"sqlite:///{directory}") as running:
        yield running


@pytest.fixture
def ways(rig: Rig) -> Ways:
    return Ways(rig)
