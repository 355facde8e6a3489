"""`pulsemesh account`, and what of an account the SDK changes with a code, against a real platform."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from pulsemesh import errors
from pulsemesh.cli.commands import cli
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.parts.second_factors import owner_proof
from pulsemesh.sync import connect
from pulsemesh.testing import SyncPlatform, sync_platform
from tests.integration.sdk.test_accounts import PASSWORD, code_for

NEW = "another good password"
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def served() -> Iterator[SyncPlatform]:
    with sync_platform(domains=["auth"]) as running:
        yield running


@pytest.fixture
def run(served: SyncPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, with a configuration directory of its own, and with what is typed into it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("PULSEMESH_TOKEN", raising=False)
    monkeypatch.delenv("PULSEMESH_PASSWORD", raising=False)

    def invoke(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(
            cli, ["--target", served.target, *arguments], input=typed, prog_name="pulsemesh"
        )

    return invoke


def with_app(served: SyncPlatform, address: str) -> tuple[str, list[str]]:
    """Sign up and set up an app; an access token, and the recovery codes."""
    with connect(served.target) as anyone:
        begun = anyone.account.sign_up(address, PASSWORD, country="DE", at_least_years=18)
        tokens = anyone.account.verify(begun.sign_up, code_for(served, address))
    with connect(served.target, tokens.access_token) as owner:
        app = owner.second_factors.begin_totp(owner_proof(password=PASSWORD))
        return tokens.access_token, owner.second_factors.confirm_totp(pyotp.TOTP(app.secret).now())


def test_without_a_second_factor_the_command_asks_for_the_password(run: Run, served: SyncPlatform) -> None:
    address, other = "ann@example.org", "ann2@example.org"
    run("signup", address, "--country", "DE", "--age", "18", "--password", PASSWORD)
    assert run("verify", code_for(served, address)).exit_code == 0
    wrong = run("account", "password", "--new-password", NEW, typed="not mine at all\n")
    assert (wrong.exit_code, "The password is wrong." in wrong.stderr) == (3, True)
    right = run("account", "password", "--new-password", NEW, "--json", "--password", PASSWORD)
    assert json.loads(right.stdout) == {"ended_sessions": 0}
    assert run("account", "email", other, typed=f"{NEW}\n").exit_code == 0
    assert other in run("account", "show").stdout
    assert run("account", "confirm", code_for(served, other)).exit_code == 0
    assert json.loads(run("account", "show", "--json").stdout)["email"] == other


def test_beside_a_second_factor_the_command_asks_for_a_code(run: Run, served: SyncPlatform) -> None:
    address = "bea@example.org"
    _, codes = with_app(served, address)
    assert run("login", address, "--password", PASSWORD, typed=f"{codes[0]}\n").exit_code == 0
    wrong = run("account", "password", "--new-password", NEW, "--code", codes[0])
    assert (wrong.exit_code, "The code is wrong" in wrong.stderr) == (3, True)
    assert run("account", "password", "--new-password", NEW, typed=f"{codes[1]}\n").exit_code == 0
    assert run("account", "delete", "--yes", "--code", codes[2]).exit_code == 0
    assert run("account", "show").exit_code == 3  # signed out
    assert run("login", address, "--password", NEW).exit_code == 3


def test_a_deletion_that_is_not_meant_changes_nothing(run: Run, served: SyncPlatform) -> None:
    address = "dora@example.org"
    run("signup", address, "--country", "DE", "--age", "18", "--password", PASSWORD)
    assert run("verify", code_for(served, address)).exit_code == 0
    assert run("account", "delete", "--password", PASSWORD, typed="n\n").exit_code == 1
    assert address in run("account", "show").stdout


def test_the_sdk_gives_a_code_beside_a_second_factor(served: SyncPlatform) -> None:
    token, codes = with_app(served, "cleo@example.org")
    with connect(served.target, token) as cleo:
        with pytest.raises(errors.PermissionDenied) as refused:
            cleo.account.change_password(PASSWORD, NEW)
        assert refused.value.reason == reason_pb2.ERROR_REASON_SIGN_IN_AGAIN
        cleo.account.change_password(PASSWORD, NEW, recovery_code=codes[0])
        cleo.account.change_email("cleo2@example.org", recovery_code=codes[1])
        cleo.account.request_deletion(recovery_code=codes[2])
