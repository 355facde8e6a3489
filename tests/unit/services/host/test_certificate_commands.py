"""`pulsemesh-server certificates …`, as an operator types them."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from services.host.cli import main


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["certificates", *words, "--directory", str(folder)])


def test_a_certificate_needs_an_authority(tmp_path: Path) -> None:
    result = run(tmp_path, "issue", "auth")
    assert (result.exit_code, "certificates init" in result.output) == (2, True)


def test_issuing_prints_settings_that_name_existing_files(tmp_path: Path) -> None:
    run(tmp_path, "init")
    result = run(tmp_path, "issue", "auth", "workout", "--host", "auth.internal")
    assert result.exit_code == 0
    settings = dict(line.split("=", 1) for line in result.output.splitlines())
    assert len(settings) == 6
    assert all(Path(path).exists() for path in settings.values())


def test_what_is_shown_says_who_and_until_when(tmp_path: Path) -> None:
    run(tmp_path, "init")
    run(tmp_path, "issue", "auth", "workout", "--host", "auth.internal")
    output = run(tmp_path, "show").output
    assert "pulsemesh://eu/service/auth, pulsemesh://eu/service/workout, auth.internal" in output
    assert "the authority" in output


def test_nothing_is_renewed_before_its_time(tmp_path: Path) -> None:
    run(tmp_path, "init")
    run(tmp_path, "issue", "auth")
    assert run(tmp_path, "renew").output == "nothing is due\n"
