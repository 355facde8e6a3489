"""Signing up, in and out from the SDK and the command, against a real platform."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulsemesh import SessionCredentials, connect, errors
from pulsemesh.cli.commands import cli
from pulsemesh.cli.store import KeptSession, Store
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.testing import SyncPlatform, sync_platform

PASSWORD = "correct horse battery"
PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def served() -> Iterator[SyncPlatform]:
    with sync_platform(domains=["auth", "workout"]) as running:
        yield running


def code_for(served: SyncPlatform, address: str) -> str:
    """The code of the last mail to an address, once it is there."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for path in sorted((served.data_dir / "mail").glob(f"[!.]*-{address}.eml"), reverse=True):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            found = re.search(r"[0-9]{6}", str(message["Subject"]))
            if found is not None:
                return found.group()
        time.sleep(0.05)
    raise AssertionError(f"no mail came to {address}")


Run = Callable[..., Result]


@pytest.fixture
def run(served: SyncPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, with a configuration directory of its own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PULSEMESH_PASSWORD", PASSWORD)
    monkeypatch.delenv("PULSEMESH_TOKEN", raising=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(cli, ["--target", served.target, *arguments], prog_name="pulsemesh")

    return invoke


def signed_up(run: Run, served: SyncPlatform, address: str) -> None:
    assert run("signup", address, "--country", "DE", "--age", "18").exit_code == 0
    result = run("verify", code_for(served, address))
    assert result.exit_code == 0, result.stderr


def test_a_person_signs_up_works_and_signs_out_by_the_command(
    run: Run, served: SyncPlatform, tmp_path: Path
) -> None:
    signed_up(run, served, "ann@example.org")
    assert run("list").exit_code == 0
    assert stat.S_IMODE((tmp_path / "pulsemesh" / "credentials.json").stat().st_mode) == 0o600
    (session,) = [json.loads(line) for line in run("sessions", "list", "--json").stdout.splitlines()]
    assert (session["current"], session["program"]) == (True, "pulsemesh-cli")
    assert run("logout").exit_code == 0
    assert run("list").exit_code == 3
    assert run("login", "ann@example.org").exit_code == 0
    assert run("list").exit_code == 0


def test_a_wrong_password_says_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_PASSWORD", "not the password")
    result = run("login", "nobody@example.org")
    assert result.exit_code == 3
    assert "pulsemesh verify" in result.stderr


def test_a_name_without_at_is_a_development_login_still(run: Run) -> None:
    assert run("login", "ada").exit_code == 0
    assert run("list").exit_code == 0
    assert run("logout").exit_code == 0


def test_signing_out_everywhere_ends_the_sessions_of_other_devices(
    run: Run, served: SyncPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_up(run, served, "bea@example.org")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "other device"))
    assert run("login", "bea@example.org").exit_code == 0
    assert len(run("sessions").stdout.strip().splitlines()) == 3
    assert run("logout", "--everywhere").exit_code == 0
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    deadline = time.monotonic() + PATIENCE_S
    while run("list").exit_code == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run("list").exit_code == 3


def test_commands_that_share_a_session_renew_it_one_after_the_other(run: Run, served: SyncPlatform) -> None:
    signed_up(run, served, "cid@example.org")
    store = Store()

    async def renew() -> set[str]:
        keeper = KeptSession(store, served.target, "cid@example.org")
        kept = keeper.load()
        assert kept is not None
        stale = replace(kept, access_expires_at_s=0.0)
        programs = [SessionCredentials(stale, keeper) for _ in range(4)]
        keeper.save(stale)
        clients = [connect(served.target, credentials) for credentials in programs]
        try:
            await asyncio.gather(*(client.account.get() for client in clients))
            return {credentials.tokens.refresh_token for credentials in programs}
        finally:
            for client in clients:
                await client.close()

    assert len(asyncio.run(renew())) == 1
    assert run("list").exit_code == 0


async def test_calls_at_the_same_time_share_one_refresh(run: Run, served: SyncPlatform) -> None:
    await asyncio.to_thread(signed_up, run, served, "dan@example.org")
    async with connect(served.target) as anyone:
        tokens = await anyone.account.sign_in("dan@example.org", PASSWORD)
    credentials = SessionCredentials(replace(tokens, access_token="refused", access_expires_at_s=2.0**40))
    async with connect(served.target, credentials) as client:
        mine = await asyncio.gather(*(client.account.get() for _ in range(8)))
        assert {account.email for account in mine} == {"dan@example.org"}
        again = await client.sessions.refresh(credentials.tokens.refresh_token)
        assert again.session_id == tokens.session_id


async def test_a_session_that_ended_elsewhere_is_told(run: Run, served: SyncPlatform) -> None:
    await asyncio.to_thread(signed_up, run, served, "eve@example.org")
    async with connect(served.target) as anyone:
        tokens = await anyone.account.sign_in("eve@example.org", PASSWORD)
        await anyone.sessions.sign_out(tokens.refresh_token)
    async with connect(served.target, SessionCredentials(replace(tokens, access_expires_at_s=0.0))) as client:
        with pytest.raises(errors.Unauthenticated) as caught:
            await client.account.get()
    assert caught.value.reason == reason_pb2.ERROR_REASON_SESSION_ENDED
