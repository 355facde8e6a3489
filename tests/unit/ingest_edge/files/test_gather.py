from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ingest_edge.files.gather import gather, sha256_of


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_folders_are_walked_and_only_device_files_come(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / "a.fit"), touch(tmp_path / "B.FIT"), touch(tmp_path / "2024" / "c.Fit.gz")]
    touch(tmp_path / "notes.txt")
    touch(tmp_path / ".hidden.fit")
    touch(tmp_path / ".trash" / "old.fit")
    assert sorted(gather([tmp_path])) == sorted(wanted)


def test_files_of_a_folder_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("c.fit", "a.fit", "b.fit"):
        touch(tmp_path / name)
    assert [path.name for path in gather([tmp_path])] == ["a.fit", "b.fit", "c.fit"]


def test_a_file_named_itself_comes_whatever_its_name(tmp_path: Path) -> None:
    file = touch(tmp_path / "export.bin")
    assert list(gather([file])) == [file]


def test_a_file_reached_twice_comes_once(tmp_path: Path) -> None:
    file = touch(tmp_path / "a.fit")
    (tmp_path / "b.fit").symlink_to(file)
    assert list(gather([tmp_path, file])) == [file]


def test_a_link_to_a_parent_does_not_go_round_for_ever(tmp_path: Path) -> None:
    file = touch(tmp_path / "deep" / "a.fit")
    (tmp_path / "deep" / "up").symlink_to(tmp_path, target_is_directory=True)
    assert list(gather([tmp_path])) == [file]


def test_a_dangling_link_in_a_folder_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "gone.fit").symlink_to(tmp_path / "nowhere.fit")
    assert list(gather([tmp_path])) == []


def test_a_named_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(gather([tmp_path / "missing.fit"]))


def test_digest_is_that_of_the_bytes_on_disk(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    file = tmp_path / "a.fit"
    file.write_bytes(content)
    assert sha256_of(file) == hashlib.sha256(content).digest()
