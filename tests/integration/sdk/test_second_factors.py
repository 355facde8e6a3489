"""Second factors from the command, against a real platform."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result

from pulsemesh import errors
from pulsemesh.cli.commands import cli
from pulsemesh.testing import SyncPlatform, sync_platform
from tests.integration.sdk.test_accounts import PASSWORD, code_for

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def served() -> Iterator[SyncPlatform]:
    with sync_platform(domains=["auth"]) as running:
        yield running


@pytest.fixture
def run(served: SyncPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, with a configuration directory of its own, and with what is typed into it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PULSEMESH_PASSWORD", PASSWORD)
    monkeypatch.delenv("PULSEMESH_TOKEN", raising=False)

    def invoke(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(
            cli, ["--target", served.target, *arguments], input=typed, prog_name="pulsemesh"
        )

    return invoke


def test_a_person_sets_up_an_app_and_signs_in_with_a_recovery_code(
    run: Run, served: SyncPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "ann@example.org"
    assert run("signup", address, "--country", "DE", "--age", "18").exit_code == 0
    assert run("verify", code_for(served, address)).exit_code == 0
    # What the app shows is known only once its secret was printed: answer the prompt with it.
    shown: list[str] = []
    monkeypatch.setattr("click.echo", lambda text="", **_: shown.append(str(text)))
    monkeypatch.setattr("click.prompt", lambda *_, **__: pyotp.TOTP(secret_in(shown)).now())
    assert run("2fa", "on").exit_code == 0
    codes = re.findall(r"^  (\S{4}-\S{4}-\S{4}-\S{4})$", "\n".join(shown), re.MULTILINE)
    monkeypatch.undo()
    assert len(codes) == 10


def secret_in(shown: list[str]) -> str:
    found = re.search(r"type its secret: (\w+)", "\n".join(shown))
    assert found is not None
    return found.group(1)


def test_a_sign_in_by_the_sdk_raises_what_is_needed_and_is_completed(served: SyncPlatform) -> None:
    from pulsemesh.parts.account import SecondFactorNeeded
    from pulsemesh.parts.second_factors import owner_proof
    from pulsemesh.sync import connect

    address = "bea@example.org"
    with connect(served.target) as anyone:
        begun = anyone.account.sign_up(address, PASSWORD, country="DE", at_least_years=18)
        tokens = anyone.account.verify(begun.sign_up, code_for(served, address))
        with connect(served.target, tokens.access_token) as bea:
            app = bea.second_factors.begin_totp(owner_proof(password=PASSWORD))
            codes = bea.second_factors.confirm_totp(pyotp.TOTP(app.secret).now())
            with pytest.raises(errors.PermissionDenied):
                bea.second_factors.disable_totp(owner_proof(password=PASSWORD))
            assert bea.passkeys.list() == []
            assert (anyone.providers.list(), list(bea.providers.links())) == ([], [])
        with pytest.raises(SecondFactorNeeded) as needed:
            anyone.account.sign_in(address, PASSWORD)
        completed = anyone.second_factors.complete(needed.value.challenge, recovery_code=codes[0])
        with connect(served.target, completed.access_token) as bea:
            assert bea.second_factors.get().recovery_codes_left == 9


def test_the_command_asks_for_the_second_proof_and_turns_it_off(run: Run, served: SyncPlatform) -> None:
    from pulsemesh.parts.second_factors import owner_proof
    from pulsemesh.sync import connect

    address = "cleo@example.org"
    with connect(served.target) as anyone:
        begun = anyone.account.sign_up(address, PASSWORD, country="DE", at_least_years=18)
        tokens = anyone.account.verify(begun.sign_up, code_for(served, address))
    with connect(served.target, tokens.access_token) as cleo:
        app = cleo.second_factors.begin_totp(owner_proof(password=PASSWORD))
        codes = cleo.second_factors.confirm_totp(pyotp.TOTP(app.secret).now())
    assert run("login", address, typed="wrong-code\n").exit_code == 3
    assert run("login", address, typed=f"{codes[0]}\n").exit_code == 0
    held = json.loads(run("2fa", "show", "--json").stdout)
    assert (held["totp"], held["recovery_codes_left"]) == (True, 9)
    assert "Recovery codes left: 9" in run("2fa", "show").stdout
    made = json.loads(run("2fa", "codes", "--code", codes[1], "--json").stdout)
    assert len(made["recovery_codes"]) == 10
    assert run("2fa", "off", "--code", codes[2]).exit_code != 0  # void by now
    assert run("2fa", "off", "--code", made["recovery_codes"][0]).exit_code == 0
    assert run("login", address).exit_code == 0
