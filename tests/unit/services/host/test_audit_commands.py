"""`pulsemesh-server audit verify` and `audit show`, as an operator types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.chassis.audit import ChainedAudit, CheckpointKey
from services.chassis.audit.signing import KEY_FILE
from services.host.cli import main
from tests.fixtures.audit import CHAIN, act


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sink = ChainedAudit(tmp_path, CheckpointKey(tmp_path / KEY_FILE))
    for number in range(4):
        sink.record(act(number))
    sink.close()
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["audit", *words])


def test_an_intact_log_exits_with_0(folder: Path) -> None:
    result = run("verify", "--directory", str(folder))
    assert (result.exit_code, result.output.splitlines()[0]) == (0, f"ok      {CHAIN}: 6 records")


def test_a_changed_record_exits_with_6_and_is_named(folder: Path) -> None:
    path = folder / CHAIN
    path.write_bytes(path.read_bytes().replace(b"PERMISSION_DENIED", b"PERMISSION_GIVENN", 1))
    result = run("verify", "--directory", str(folder))
    assert result.exit_code == 6
    assert f"BROKEN  {CHAIN}, line 2 (record 2): the hash is not that of the entry" in result.output


def test_a_last_line_cut_off_exits_with_7(tmp_path: Path) -> None:
    sink = ChainedAudit(tmp_path, CheckpointKey(tmp_path / KEY_FILE))
    sink.record(act(1))
    sink._chain.close()  # as when the process is killed
    path = tmp_path / CHAIN
    path.write_bytes(path.read_bytes()[:-9])
    result = run("verify", "--directory", str(tmp_path))
    assert (result.exit_code, "cut off" in result.output) == (7, True)


def test_keys_kept_elsewhere_are_believed_alone(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "keys.json"
    elsewhere.write_text("{}")
    result = run("verify", "--directory", str(folder), "--public-keys", str(elsewhere))
    assert result.exit_code == 6


def test_a_copy_of_the_ledger_that_goes_further_exits_with_6(folder: Path) -> None:
    ledger = folder / "checkpoints.jsonl"
    kept = folder / "kept"
    kept.write_bytes(ledger.read_bytes())
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:-1]))
    assert run("verify", "--directory", str(folder)).exit_code == 0
    assert run("verify", "--directory", str(folder), "--from", str(kept)).exit_code == 6


def test_a_folder_that_is_not_there_exits_with_2(tmp_path: Path) -> None:
    assert run("verify", "--directory", str(tmp_path / "none")).exit_code == 2


def test_acts_are_shown_as_lines_of_json(folder: Path) -> None:
    result = run("show", "--directory", str(folder), "--action", "workout", "--outcome", "OK")
    acts = [json.loads(line) for line in result.output.splitlines()]
    assert [one["details"]["workout_id"][-1] for one in acts] == ["1", "3"]
    assert acts[0]["time"] == "2023-11-14T22:13:20.001+00:00"


def test_a_time_that_is_none_exits_with_2(folder: Path) -> None:
    assert run("show", "--directory", str(folder), "--since", "yesterday").exit_code == 2
