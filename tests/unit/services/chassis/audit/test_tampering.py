"""Whatever is done to an audit folder, verifying it says so."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.audit import ChainedAudit, CheckpointKey, PublicKeys, verify
from services.chassis.audit.ledger import LEDGER_FILE
from services.chassis.audit.signing import KEY_FILE, PUBLIC_KEYS_FILE
from services.chassis.audit.verification import read_ledger_entries
from tests.fixtures.audit import CHAIN, act

ACTS = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit folder that two processes wrote, one after the other."""
    folder = tmp_path_factory.mktemp("audit")
    key = CheckpointKey(folder / KEY_FILE)
    for half in (range(ACTS // 2), range(ACTS // 2, ACTS)):
        sink = ChainedAudit(folder, key)
        for number in half:
            sink.record(act(number))
            if number % 3 == 0:
                sink.checkpoint()
        sink.close()
    return folder


def changed(folder: Path, change: Callable[[Path], None]) -> list[str]:
    """What verifying says of a copy of the folder after `change`."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "audit"
        shutil.copytree(folder, copy)
        change(copy)
        keys = PublicKeys.load(folder / PUBLIC_KEYS_FILE)
        return [str(damage) for damage in verify(copy, keys).damages]


def lines_of(folder: Path, name: str = CHAIN) -> list[bytes]:
    return (folder / name).read_bytes().splitlines(keepends=True)


def rewrite(copy: Path, lines: list[bytes], name: str = CHAIN) -> None:
    (copy / name).write_bytes(b"".join(lines))


def test_an_untouched_folder_is_intact(folder: Path) -> None:
    assert changed(folder, lambda copy: None) == []


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found(folder: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([CHAIN, LEDGER_FILE]))
    content = bytearray((folder / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert changed(folder, lambda copy: (copy / name).write_bytes(content) and None)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_deleted_record_is_found_and_named(folder: Path, data: st.DataObject) -> None:
    lines = lines_of(folder)
    gone = data.draw(st.integers(0, len(lines) - 1))
    damages = changed(folder, lambda copy: rewrite(copy, lines[:gone] + lines[gone + 1 :]))
    assert damages
    assert damages[0].startswith(f"{CHAIN}, line {gone + 1} (record {gone + 1})")


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_swapped_records_are_found(folder: Path, data: st.DataObject) -> None:
    lines = lines_of(folder)
    one, other = data.draw(st.lists(st.integers(0, len(lines) - 1), min_size=2, max_size=2, unique=True))
    swapped = list(lines)
    swapped[one], swapped[other] = lines[other], lines[one]
    assert changed(folder, lambda copy: rewrite(copy, swapped))


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_an_inserted_copy_of_a_record_is_found(folder: Path, data: st.DataObject) -> None:
    lines = lines_of(folder)
    which, where = data.draw(st.tuples(st.integers(0, len(lines) - 1), st.integers(0, len(lines))))
    assert changed(folder, lambda copy: rewrite(copy, [*lines[:where], lines[which], *lines[where:]]))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_truncated_tail_is_found(folder: Path, data: st.DataObject) -> None:
    content = (folder / CHAIN).read_bytes()
    length = data.draw(st.integers(0, len(content) - 1))
    assert changed(folder, lambda copy: (copy / CHAIN).write_bytes(content[:length]) and None)


def test_a_removed_chain_is_found(folder: Path) -> None:
    assert changed(folder, lambda copy: (copy / CHAIN).unlink())


def test_a_removed_ledger_is_found(folder: Path) -> None:
    assert changed(folder, lambda copy: (copy / LEDGER_FILE).unlink())


def test_a_chain_rewritten_with_right_hashes_is_found_by_its_checkpoints(folder: Path) -> None:
    def rebuild(copy: Path) -> None:
        (copy / CHAIN).unlink()
        (copy / LEDGER_FILE).rename(copy / "ledger.kept")
        sink = ChainedAudit(copy, CheckpointKey(copy / KEY_FILE))
        for number in range(ACTS + 6):
            sink.record(act(number + 1))
        sink.close()
        (copy / "ledger.kept").rename(copy / LEDGER_FILE)

    assert "checkpoint 1 signed" in changed(folder, rebuild)[0]


def test_a_checkpoint_of_an_unknown_key_is_not_believed(folder: Path) -> None:
    def forge(copy: Path) -> None:
        sink = ChainedAudit(copy, CheckpointKey(copy / "forged.pem"))
        sink.close()

    damages = changed(folder, forge)
    assert len(damages) == 1
    assert "not signed by a key that is known" in damages[0]


def test_taking_the_tail_of_chain_and_ledger_is_found_by_a_copy_of_the_ledger_kept_elsewhere(
    folder: Path, tmp_path: Path
) -> None:
    keys = PublicKeys.load(folder / PUBLIC_KEYS_FILE)
    _, anchors = read_ledger_entries(folder / LEDGER_FILE)
    copy = tmp_path / "audit"
    shutil.copytree(folder, copy)
    ledger = lines_of(copy, LEDGER_FILE)
    rewrite(copy, ledger[:-1], LEDGER_FILE)
    rewrite(copy, lines_of(copy)[: anchors[-2].body["sequence"]])

    assert verify(copy, keys).intact
    assert "kept elsewhere is gone" in str(verify(copy, keys, anchors=anchors).damages[0])
