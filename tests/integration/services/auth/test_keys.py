"""Signing keys: rotated with overlap, shared by processes, of no use without the key-encryption key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from pulsemesh.auth.v1 import account_service_pb2, key_service_pb2
from services.auth.keyring import MARGIN_MS, Keyring, Rotation, due
from services.auth.module import module
from services.auth.store.keys import KeyRow
from services.auth.tables import signing_keys
from services.auth.vault import SealBroken, Vault
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.host.cli import main
from tests.integration.services.auth.conftest import Clock, Rig, bearer

VAULT = Vault([b"k" * 32])
ROTATION = Rotation(every_ms=1_000_000, ahead_ms=100_000, token_ms=10_000)


def key_ids(keyring: Keyring) -> list[str]:
    return [key["kid"] for key in json.loads(keyring.public_set())["keys"]]


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    postgres = request.param == "postgresql"
    url = request.getfixturevalue("postgres_url") if postgres else f"sqlite:///{tmp_path}"
    opened = open_database(url, schema="auth")
    assert module.migrations is not None
    await migrations.upgrade(opened, module.migrations)
    yield opened
    await opened.close()


async def test_processes_that_start_at_once_make_one_key(database: Database) -> None:
    rings = [Keyring(database, VAULT, Clock(), ROTATION) for _ in range(4)]
    await asyncio.gather(*(ring.load() for ring in rings))
    assert len({ring.signing_key().kid for ring in rings}) == 1


async def test_a_key_is_published_before_it_signs_and_until_its_tokens_expired(database: Database) -> None:
    clock = Clock()
    ring, other = (Keyring(database, VAULT, clock, ROTATION) for _ in range(2))
    await ring.load()
    first = ring.signing_key().kid
    clock.advance((ROTATION.every_ms - ROTATION.ahead_ms) / 1000 + 1)
    await ring.load()
    await other.load()
    assert len(key_ids(ring)) == 2
    assert ring.signing_key().kid == other.signing_key().kid == first
    clock.advance(ROTATION.ahead_ms / 1000)
    second = ring.signing_key().kid
    assert second != first
    assert key_ids(ring) == [first, second]
    clock.advance((ROTATION.token_ms + MARGIN_MS) / 1000 + 1)
    assert key_ids(ring) == [second]


async def test_the_private_half_is_of_no_use_without_the_key_encryption_key(database: Database) -> None:
    await Keyring(database, VAULT, Clock(), ROTATION).load()
    with pytest.raises(SealBroken):
        await Keyring(database, Vault([b"x" * 32]), Clock(), ROTATION).load()


def test_a_successor_is_due_so_that_it_signs_in_time() -> None:
    row = KeyRow("k", "", b"", 0, 5_000, None)
    last = 5_000 + ROTATION.every_ms - ROTATION.ahead_ms
    assert [due([row], ROTATION, now) for now in (last - 1, last)] == [False, True]


async def test_tokens_of_the_key_before_hold_after_a_rotation(rig: Rig) -> None:
    tokens = await rig.sign_up()
    ring = rig.module.background[0]._keyring
    await ring.rotate()
    published = await rig.keys.GetKeys(key_service_pb2.GetKeysRequest())
    assert len(json.loads(published.jwks)["keys"]) == 2
    await rig.accounts.GetAccount(account_service_pb2.GetAccountRequest(), metadata=bearer(tokens))


async def test_what_is_published_holds_no_private_half(rig: Rig) -> None:
    published = await rig.keys.GetKeys(key_service_pb2.GetKeysRequest())
    (key,) = json.loads(published.jwks)["keys"]
    assert (key["alg"], key["use"], "d" in key) == ("ES256", "sig", False)
    (kept,) = await rig.rows(signing_keys)
    assert b'"d"' not in kept["private_key"]


def test_keys_are_listed_and_rotated_by_the_command(tmp_path: Path) -> None:
    def run(*arguments: str) -> list[str]:
        result = CliRunner().invoke(main, ["keys", *arguments, "--data-dir", str(tmp_path)])
        assert result.exit_code == 0, result.output
        return [line for line in result.stdout.splitlines() if "  signs from " in line]

    (first,) = run("list")
    before, after = run("rotate")
    assert before.startswith(first)
    assert "published until" in before
    assert "published until" not in after
