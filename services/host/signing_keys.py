"""The keys of access tokens, without a server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.auth import assembly
from services.auth.keyring import Keyring
from services.auth.module import module, rotation
from services.auth.settings import IdentitySettings
from services.auth.store.keys import KeyRow
from services.chassis import migrations
from services.chassis.settings import Settings
from services.host.databases import open_schema


async def list_keys(settings: Settings) -> Sequence[KeyRow]:
    """Every key, in the order in which they sign; makes the first one and the next when it is due."""
    async with _keyring(settings) as keyring:
        return keyring.rows


async def rotate_keys(settings: Settings) -> Sequence[KeyRow]:
    """Publish a new key now, and return all."""
    async with _keyring(settings) as keyring:
        await keyring.rotate()
        return keyring.rows


@asynccontextmanager
async def _keyring(settings: Settings) -> AsyncIterator[Keyring]:
    identity = IdentitySettings()
    database = open_schema(settings, "auth")
    try:
        assert module.migrations is not None
        await migrations.prepare(database, module.migrations, on_start=settings.migrates_on_start)
        vault = assembly.vault(settings, identity)
        keyring = Keyring(database, vault, lambda: time.time_ns() // 1_000_000, rotation(identity))
        await keyring.load()
        yield keyring
    finally:
        await database.close()
