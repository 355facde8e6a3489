"""Looking at consents, agreeing, withdrawing and keeping receipts, by the SDK and by the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pulsemesh import errors, sync
from pulsemesh.cli.commands import cli
from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.testing import SyncPlatform
from pulsemesh.ulid import new_ulid

Run = Callable[..., str]


@pytest.fixture
def person() -> str:
    """Somebody of the test's own."""
    return f"consenter-{new_ulid().lower()}"


@pytest.fixture
def client(pulsemesh_platform: SyncPlatform, person: str) -> sync.Client:
    return pulsemesh_platform.client(person)


@pytest.fixture
def run(pulsemesh_platform: SyncPlatform, person: str, tmp_path: Path) -> Run:
    """Run a command in this process as the person."""
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PULSEMESH_TARGET": pulsemesh_platform.target,
        "PULSEMESH_TOKEN": pulsemesh_platform.token(person),
        "COLUMNS": "160",
    }

    def invoke(*arguments: str, expect: int = 0) -> str:
        done = CliRunner(env=environment).invoke(cli, ("consent", *arguments), prog_name="pulsemesh")
        assert done.exit_code == expect, done.output
        return done.stdout

    return invoke


def test_a_person_agrees_and_withdraws(client: sync.Client) -> None:
    client.consent.set_jurisdiction("DE", birth_month="1990-07")
    offered = client.consent.purposes("health_data", languages=["de"])
    granted = client.consent.grant([each.text for each in offered.purposes])
    assert [each.granted for each in granted.consents].count(True) == 1
    client.consent.withdraw("health_data")
    assert not any(each.granted for each in client.consent.get().consents)
    assert [each.sequence for each in client.consent.receipts()] == [3, 2, 1]
    assert client.consent.verify_receipts().intact


def test_nobody_agrees_before_their_age_is_known(client: sync.Client) -> None:
    offered = client.consent.purposes("research")
    with pytest.raises(errors.FailedPrecondition) as refused:
        client.consent.grant([each.text for each in offered.purposes])
    assert refused.value.reason == ErrorReason.ERROR_REASON_AGE_UNKNOWN


def test_an_unknown_purpose_is_named(client: sync.Client) -> None:
    with pytest.raises(ValueError, match="world_domination"):
        client.consent.withdraw("world_domination")


def test_the_command_shows_the_whole_text_before_granting(run: Run) -> None:
    run("home", "de", "--born", "1990-07")
    shown = run("grant", "precise-location", "--language", "en", "--yes")
    for part in ("Where you were, precisely", "Who receives it:", "How to withdraw:", "GDPR Art. 15"):
        assert part in shown
    assert "precise_location" in shown.splitlines()[-1]
    assert "granted" in run("list")


def test_the_command_grants_nothing_without_a_yes(run: Run) -> None:
    run("home", "DE", "--born", "1990-07")
    run("grant", "research", expect=2)
    assert '"granted": true' not in run("list", "--json").replace('"granted":true', '"granted": true')


def test_the_command_speaks_other_languages(run: Run) -> None:
    assert "Данные о вашем организме" in run("show", "health_data", "--language", "ru")


def test_the_command_exports_receipts_that_prove_themselves(run: Run, tmp_path: Path) -> None:
    run("home", "BR", "--born", "1985-01")
    run("grant", "all", "--yes")
    run("withdraw", "marketing", "--yes")
    target = tmp_path / "receipts.json"
    assert "the chain is whole" in run("receipts", "--export", str(target))
    document = json.loads(target.read_text())
    assert [each["kind"] for each in document["receipts"]] == ["jurisdiction", "granted", "withdrawn"]
    assert document["keys"]["keys"][0]["crv"] == "Ed25519"
    assert "withdrawn" in run("receipts")
