from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from ingest_edge.files.decoder import UnreadableFile, read_source


def test_a_path_and_its_bytes_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.fit"
    file.write_bytes(b"content")
    assert read_source(file) == read_source(b"content") == b"content"


def test_gzip_is_undone_whatever_the_name(tmp_path: Path) -> None:
    file = tmp_path / "a.fit"
    file.write_bytes(gzip.compress(b"content"))
    assert read_source(file) == b"content"


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="larger than 10 bytes"):
        read_source(b"x" * 11, limit=10)


def test_a_compressed_bomb_is_refused_before_it_unfolds() -> None:
    with pytest.raises(UnreadableFile, match="larger"):
        read_source(gzip.compress(bytes(50_000_000)), limit=1_000_000)


def test_a_cut_off_gzip_yields_what_can_be_recovered() -> None:
    content = bytes(range(256)) * 4000
    recovered = read_source(gzip.compress(content)[:-200])
    assert content.startswith(recovered)
    assert recovered


def test_gzip_without_a_single_whole_block_is_unreadable() -> None:
    with pytest.raises(UnreadableFile, match="gzip"):
        read_source(b"\x1f\x8b\x08\x00garbage")
