"""Settings: defaults that run embedded, refusals that name the variable, and the table of all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.settings import SettingsError, load_settings, settings_table
from services.chassis.settings.documentation import as_markdown, as_text
from services.chassis.settings.model import is_loopback, split_address
from services.host.registry import domain_settings

PRODUCTION = {"mode": "production", "auth": {"jwks_url": "https://id.example/jwks"}}


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("PULSEMESH_")]:
        monkeypatch.delenv(name)


def problems(**overrides: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(overrides)
    return caught.value.problems


def test_the_defaults_run_embedded() -> None:
    settings = load_settings()
    assert (settings.mode, settings.cell, settings.server.listen) == ("development", "eu", "127.0.0.1:50051")
    assert settings.bus.url == settings.store.limits_url == settings.store.cache_url == "memory://"
    assert settings.database_url == f"sqlite:///{Path('.data').absolute()}"
    assert settings.issues_development_tokens
    assert settings.consent_gate == "development"
    assert settings.issuer == "pulsemesh-eu"


def test_a_nested_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_SERVER__LISTEN", "127.0.0.1:0")
    monkeypatch.setenv("PULSEMESH_CHANNELS", '{"auth": "auth.internal:50051"}')
    settings = load_settings()
    assert settings.server.listen == "127.0.0.1:0"
    assert settings.channels == {"auth": "auth.internal:50051"}


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_SERVER__LISTEN", "127.0.0.1:1")
    monkeypatch.setenv("PULSEMESH_SERVER__DRAIN_GRACE_S", "7")
    settings = load_settings({"server": {"listen": "127.0.0.1:2"}})
    assert (settings.server.listen, settings.server.drain_grace_s) == ("127.0.0.1:2", 7.0)


def test_a_bad_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_SERVER__LISTEN", "nowhere")
    assert problems() == ["PULSEMESH_SERVER__LISTEN: must be <host>:<port>, as in 127.0.0.1:50051"]


def test_every_bad_value_is_named_at_once() -> None:
    found = problems(cell="EU", telemetry={"log_level": "loud"})
    assert [problem.partition(":")[0] for problem in found] == [
        "PULSEMESH_CELL",
        "PULSEMESH_TELEMETRY__LOG_LEVEL",
    ]


def test_broken_json_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_CHANNELS", "{")
    assert problems() == ["PULSEMESH_CHANNELS: is not valid JSON"]


def test_a_misspelt_setting_of_a_group_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSEMESH_SERVER__LISTNE", "127.0.0.1:0")
    assert problems()[0].startswith("PULSEMESH_SERVER__LISTNE:")


def test_a_refusal_does_not_repeat_a_secret() -> None:
    found = problems(bus={"url": "amqp://user:secret@host"})
    assert "secret" not in " ".join(found)


def test_production_asks_its_own_auth_service_for_keys_unless_it_is_told_otherwise() -> None:
    assert load_settings({"mode": "production"}).auth.jwks_url is None


def test_production_refuses_the_development_issuer() -> None:
    auth = PRODUCTION["auth"] | {"development_issuer": True}  # type: ignore[operator]
    (problem,) = problems(mode="production", auth=auth)
    assert problem.startswith("PULSEMESH_AUTH__DEVELOPMENT_ISSUER gives tokens to whoever asks")


def test_production_refuses_the_development_consent_gate() -> None:
    (problem,) = problems(**PRODUCTION, consent={"gate": "development"})
    assert problem.startswith("PULSEMESH_CONSENT__GATE=development allows everything")


def test_production_closes_what_development_opens() -> None:
    settings = load_settings(PRODUCTION)
    assert not settings.issues_development_tokens
    assert settings.consent_gate == "service"
    assert not settings.migrates_on_start


def test_workers_need_a_shared_database() -> None:
    (problem,) = problems(server={"workers": 2})
    assert problem.startswith("PULSEMESH_SERVER__WORKERS needs PULSEMESH_DATABASE__URL=postgresql")


def test_workers_need_a_shared_bus() -> None:
    (problem,) = problems(server={"workers": 2}, database={"url": "postgresql://u@h/d"})
    assert "PULSEMESH_BUS__URL" in problem


def test_tls_is_whole_or_absent() -> None:
    assert problems(server={"tls_key": "/k"}) == ["PULSEMESH_SERVER: tls_certificate and tls_key go together"]


def test_the_metrics_page_stays_on_loopback() -> None:
    (problem,) = problems(telemetry={"metrics_listen": "0.0.0.0:9000"})
    assert "loopback" in problem


def test_every_setting_has_a_meaning() -> None:
    rows = settings_table()
    assert len(rows) > 30
    assert [row.variable for row in rows if not row.meaning] == []
    assert len({row.variable for row in rows}) == len(rows)


def test_the_table_is_printed_for_people_and_for_the_documentation() -> None:
    rows = settings_table()
    assert "PULSEMESH_SERVER__LISTEN=127.0.0.1:50051" in as_text(rows)
    assert "| `PULSEMESH_CELL` | text | `eu` |" in as_markdown(rows)


def test_the_documentation_page_is_up_to_date() -> None:
    page = Path(__file__).parents[5] / "docs" / "settings.md"
    assert page.read_text() == as_markdown(settings_table(domain_settings())) + "\n"


@given(st.text(max_size=30))
def test_an_address_is_split_or_refused(text: str) -> None:
    try:
        host, port = split_address(text)
    except ValueError:
        return
    assert host
    assert 0 <= port <= 65_535


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("example.org", False)],
)
def test_which_hosts_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
