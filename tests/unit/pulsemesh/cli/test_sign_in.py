from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import grpc

from pulsemesh.cli.store import SignIn, Store
from pulsemesh.workout.v1 import recording_pb2
from tests.unit.pulsemesh.cli.conftest import Run, lines
from tests.unit.pulsemesh.peers import Failure, Platform

UNAUTHENTICATED = Failure(grpc.StatusCode.UNAUTHENTICATED, "CREDENTIALS_EXPIRED")


def test_login_keeps_the_token_for_its_owner_only(run: Run, served: Platform, config_home: Path) -> None:
    result = run("login", "ada", token="")
    assert result.exit_code == 0, result.stderr
    assert "eu_ada" in result.stdout
    path = config_home / "pulsemesh" / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["sign_ins"][served.target]["access_token"] == "token-of-ada"


def test_after_login_commands_call_as_the_one_who_signed_in(run: Run, served: Platform) -> None:
    run("login", "ada", token="")
    assert run("list", token="").exit_code == 0
    assert served.script.seen("ListWorkouts")[0].metadata["authorization"] == "Bearer token-of-ada"


def test_login_makes_its_platform_the_one_in_use(run: Run, served: Platform) -> None:
    run("login", "ada", token="")
    assert Store().target() == served.target


def test_logout_forgets_the_token(run: Run, served: Platform) -> None:
    run("login", "ada", token="")
    assert lines(run("logout", "--json", token=""))[0]["signed_out"] is True
    assert run("list", token="").exit_code == 3


def test_without_login_a_command_says_how_to(run: Run, served: Platform) -> None:
    result = run("list", token="")
    assert result.exit_code == 3
    assert "pulsemesh login" in result.stderr
    assert served.script.calls == []


def test_a_refused_token_says_how_to_sign_in(run: Run, served: Platform) -> None:
    served.script.fail("ListWorkouts", UNAUTHENTICATED)
    result = run("list")
    assert result.exit_code == 3
    assert "pulsemesh login" in result.stderr


def test_an_error_as_json_is_one_document_on_standard_error(run: Run, served: Platform) -> None:
    served.script.fail("ListWorkouts", UNAUTHENTICATED)
    result = run("list", "--json")
    assert result.stdout == ""
    error = json.loads(result.stderr)["error"]
    assert error["code"] == "UNAUTHENTICATED"
    assert error["reason"] == "CREDENTIALS_EXPIRED"


def test_a_broken_credentials_file_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text("{")
    store = Store(path)
    assert store.get("x") is None
    store.put("x", SignIn("ada", "eu_ada", "t", "2026-01-01T00:00:00+00:00"))
    assert store.get("x") == SignIn("ada", "eu_ada", "t", "2026-01-01T00:00:00+00:00")


def pulsemesh(*arguments: str, config_home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as people do, in a process of its own."""
    environment = {**os.environ, "XDG_CONFIG_HOME": str(config_home)}
    code = "from pulsemesh.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_in_a_process_of_its_own_it_signs_in_and_lists(served: Platform, config_home: Path) -> None:
    assert pulsemesh("-t", served.target, "login", "ada", config_home=config_home).returncode == 0
    done = pulsemesh("list", config_home=config_home)
    assert done.returncode == 0, done.stderr
    assert "no such workout" in done.stderr


def test_a_platform_that_is_away_is_a_sentence_and_not_a_stack_trace(config_home: Path) -> None:
    done = pulsemesh("-t", "127.0.0.1:1", "--token", "t", "list", config_home=config_home)
    assert done.returncode == 5
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_interrupted_watch_ends_with_130_and_no_stack_trace(served: Platform, config_home: Path) -> None:
    identifier = "01J0000000000000000000RRRR"
    served.recordings.recordings[identifier] = recording_pb2.Recording(
        recording_id=identifier, state=recording_pb2.RECORDING_STATE_OPEN
    )
    served.recordings.endless = True
    # A shell lets what it starts in the background ignore interrupts, and that is inherited.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heeding}; from pulsemesh.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "-t", served.target, "--token", "t", "watch", "--json"],
        env={**os.environ, "XDG_CONFIG_HOME": str(config_home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # it watches
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in complaint
