"""Settings from file, environment and command line, and their documentation."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.settings import SettingsError, default_home, described_settings, load_settings, sport_names

ROOT = Path(__file__).parents[4]


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('target = "file:1"\nlogin = "ada"\nsport = "running"\n')
    environment = {"PULSEMESH_EDGE_TARGET": "environment:1", "PULSEMESH_EDGE_LOGIN": "grace"}
    settings = load_settings(tmp_path, {"target": "line:1", "login": None}, environment)
    assert (settings.target, settings.login, settings.sport) == ("line:1", "grace", "running")
    assert settings.patience_s == 30


def test_values_of_the_environment_are_read_as_what_they_mean(tmp_path: Path) -> None:
    environment = {
        "PULSEMESH_EDGE_SPOOL_MAX_BYTES": "1000",
        "PULSEMESH_EDGE_TLS": "no",
        "PULSEMESH_EDGE_SPOOL": "/srv/spool",
        "PULSEMESH_EDGE_PATIENCE_S": "2.5",
    }
    settings = load_settings(tmp_path, {}, environment)
    assert settings.limits.max_bytes == 1000
    assert settings.tls is False
    assert settings.spool_folder == Path("/srv/spool")
    assert settings.patience_s == 2.5


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("spool_max_bytes = -1", "spool_max_bytes"),
        ("backlog_sessions = 0", "backlog_sessions"),
        ("patience_s = true", "patience_s"),
        ('patience_s = "inf"', "patience_s"),
        ("target = 3", "target"),
        ('tls = "maybe"', "tls"),
        ('sport = "chess"', "chess"),
        ("colour = 1", "colour"),
        ("not toml", "config.toml"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_place(tmp_path: Path, line: str, named: str) -> None:
    (tmp_path / "config.toml").write_text(line)
    with pytest.raises(SettingsError, match=named) as raised:
        load_settings(tmp_path, {}, {})
    assert "config.toml" in str(raised.value)


def test_a_bad_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="PULSEMESH_EDGE_SCAN_S"):
        load_settings(tmp_path, {}, {"PULSEMESH_EDGE_SCAN_S": "soon"})


def test_the_token_is_not_shown_by_the_settings(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {}, {"PULSEMESH_EDGE_TOKEN": "secret"})
    assert settings.token == "secret"
    assert "secret" not in repr(settings)


def test_the_home_is_that_of_the_variable_then_of_the_service_then_of_the_person() -> None:
    service = {"STATE_DIRECTORY": "/var/lib/pulsemesh-edge:/other", "XDG_CONFIG_HOME": "/config"}
    assert default_home({"PULSEMESH_EDGE_HOME": "/home", **service}) == Path("/home")
    assert default_home(service) == Path("/var/lib/pulsemesh-edge")
    assert default_home({"XDG_CONFIG_HOME": "/config"}) == Path("/config/pulsemesh-edge")


def test_sports_are_named_as_people_write_them() -> None:
    assert {"cycling", "cross_country_skiing"} <= set(sport_names())
    assert "unspecified" not in sport_names()


def test_the_readme_documents_every_setting_as_it_is() -> None:
    readme = (ROOT / "ingest_edge" / "README.md").read_text("utf-8")
    for name, default, text in described_settings():
        assert f"| `{name}` | {f'`{default}`' if default else ''} | {text} |" in readme
