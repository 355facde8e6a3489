"""Writing chains: several processes, deaths in the middle of a write, what is looked up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.audit import (
    ActFilter,
    ChainBusy,
    ChainedAudit,
    ChainFile,
    CheckpointKey,
    EntryDamaged,
    EntryKind,
    PublicKeys,
    read_acts,
    verify,
)
from services.chassis.audit.entries import read_entry
from services.chassis.audit.signing import KEY_FILE, PUBLIC_KEYS_FILE
from tests.fixtures.audit import CHAIN, act

WRITER = """
import sys
from pathlib import Path
from services.chassis.audit import ChainedAudit, CheckpointKey
from tests.fixtures.audit import act
folder = Path(sys.argv[1])
sink = ChainedAudit(folder, CheckpointKey(folder / "signing_key.pem"))
for number in range(200):
    sink.record(act(number))
sink.close()
"""


def opened(folder: Path) -> ChainedAudit:
    return ChainedAudit(folder, CheckpointKey(folder / KEY_FILE))


def keys(folder: Path) -> PublicKeys:
    return PublicKeys.load(folder / PUBLIC_KEYS_FILE)


def test_several_processes_write_chains_of_their_own_and_one_ledger(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]

    report = verify(tmp_path, keys(tmp_path))

    assert report.intact
    assert sum(chain.acts for chain in report.chains) == 600
    assert all(chain.signed == chain.entries for chain in report.chains)


def test_a_chain_is_continued_by_the_next_process(tmp_path: Path) -> None:
    for number in range(3):
        sink = opened(tmp_path)
        sink.record(act(number))
        sink.close()

    report = verify(tmp_path, keys(tmp_path))

    assert [(chain.file, chain.acts, chain.open) for chain in report.chains[:-1]] == [(CHAIN, 3, False)]


def test_a_chain_has_one_writer(tmp_path: Path) -> None:
    first = ChainFile(tmp_path / CHAIN)
    with pytest.raises(ChainBusy):
        ChainFile(tmp_path / CHAIN)
    first.close()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_line_cut_off_by_a_death_is_recovered_and_told_of(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("audit")
    sink = opened(folder)
    for number in range(3):
        sink.record(act(number))
    sink._chain.close()  # as the system does when the process is killed
    path = folder / CHAIN
    content = path.read_bytes()
    last = len(content.splitlines(keepends=True)[-1])
    path.write_bytes(content[: -data.draw(st.integers(2, last - 1))])
    before = verify(folder, keys(folder))
    assert [damage.incomplete for damage in before.damages] == [True]

    opened(folder).close()

    after = verify(folder, keys(folder))
    assert after.intact
    assert after.chains[0].recoveries == 1
    assert after.chains[0].acts == 2


def test_a_record_that_lacks_its_line_end_alone_is_kept(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    sink.record(act(1))
    sink._chain.close()
    path = tmp_path / CHAIN
    path.write_bytes(path.read_bytes()[:-1])

    opened(tmp_path).close()

    report = verify(tmp_path, keys(tmp_path))
    assert report.intact
    assert (report.chains[0].acts, report.chains[0].recoveries) == (1, 0)


def test_a_recovery_that_is_cut_off_too_is_recovered(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    sink.record(act(1))
    sink._chain.close()
    path = tmp_path / CHAIN
    path.write_bytes(path.read_bytes()[:-20])
    chain = ChainFile(path)
    chain.close()
    path.write_bytes(path.read_bytes()[:-20])

    opened(tmp_path).close()

    report = verify(tmp_path, keys(tmp_path))
    assert report.intact
    assert report.chains[0].recoveries == 1


def test_a_changed_cut_off_line_is_found(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    sink.record(act(1))
    sink._chain.close()
    path = tmp_path / CHAIN
    path.write_bytes(path.read_bytes()[:-20])
    opened(tmp_path).close()

    path.write_bytes(path.read_bytes().replace(b"PERMISSION_DENIED", b"OK").replace(b'"OK"', b'"KO"'))

    assert not verify(tmp_path, keys(tmp_path)).intact


def test_a_folder_that_is_written_to_verifies(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    sink.record(act(1))

    report = verify(tmp_path, keys(tmp_path))

    assert report.intact
    assert (report.chains[0].open, report.chains[0].entries - report.chains[0].signed) == (True, 1)
    sink.close()


def test_a_chain_that_does_not_end_like_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / CHAIN).write_bytes(b"what is this?\n")

    sink = opened(tmp_path)
    sink.record(act(1))
    sink.close()

    assert (tmp_path / CHAIN).read_bytes() == b"what is this?\n"
    assert (tmp_path / "chain-002.jsonl").exists()


def test_a_damaged_chain_does_not_hide_acts_of_others(tmp_path: Path) -> None:
    (tmp_path / CHAIN).write_bytes(b"what is this?\n")
    sink = opened(tmp_path)
    sink.record(act(1))
    sink.record(act(2))
    sink.close()

    denied = list(read_acts(tmp_path, ActFilter(outcome="PERMISSION_DENIED", action="workout")))

    assert [found["details"]["workout_id"][-1] for found in denied] == ["2"]


def test_acts_are_found_by_whom_they_concern(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    for number in range(4):
        sink.record(act(number))
    sink.close()

    found = list(read_acts(tmp_path, ActFilter(user_id=act(3).details["workout_id"])))

    assert [one["time_ms"] for one in found] == [act(3).time_ms]


def test_acts_are_found_by_time_with_the_end_left_out(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    for number in range(4):
        sink.record(act(number))
    sink.close()

    found = list(read_acts(tmp_path, ActFilter(since_ms=act(1).time_ms, until_ms=act(3).time_ms)))

    assert [one["time_ms"] for one in found] == [act(1).time_ms, act(2).time_ms]


@settings(max_examples=200, deadline=None)
@given(line=st.binary(max_size=300))
def test_arbitrary_bytes_are_no_entry(line: bytes) -> None:
    with pytest.raises(EntryDamaged):
        read_entry(line)


def test_deeply_nested_bytes_are_no_entry() -> None:
    with pytest.raises(EntryDamaged):
        read_entry(b"[" * 60_000)


def test_an_entry_reads_as_it_was_written(tmp_path: Path) -> None:
    chain = ChainFile(tmp_path / CHAIN)
    written = chain.append(EntryKind.ACT, {"who": "é\ud800", "numbers": [1, 2.5, None]})
    chain.close()

    assert read_entry(written.line()[:-1]) == written
