"""Archives that come from anywhere: read equal, or refused with a reason."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.files import pulsemesh_archive
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.pulsemesh_archive import delimited, is_pulsemesh_archive, open_archive
from pulsemesh.samples import encode_batch
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import archive_pb2, recording_pb2

RECORDING = "01J0000000000000000000AAAA"


def workout(recording_id: str = RECORDING, samples: int = 3) -> archive_pb2.ArchivedWorkout:
    channel = channel_pb2.CHANNEL_HEART_RATE
    batch = encode_batch(0, 0, [1_000_000 + row for row in range(samples)], {channel: [60] * samples})
    source = archive_pb2.ArchivedSource(
        source=recording_pb2.Source(source_id="strap", channels=[channel]),
        batches=[batch],
        next_sequence=samples,
    )
    return archive_pb2.ArchivedWorkout(recording_id=recording_id, title="Ride", sources=[source])


def manifest_of(files: list[dict[str, Any]], **changes: Any) -> bytes:
    entry = {"recording_id": RECORDING, "files": files}
    document = {"format": "pulsemesh-archive", "version": 1, "person": "eu_1", "workouts": [entry]}
    return json.dumps(document | changes).encode()


def archive(path: Path, content: bytes, *, method: int = zipfile.ZIP_DEFLATED, **changes: Any) -> Path:
    """An archive of one workout with that content."""
    file = {"name": "workouts/a.pulsemesh", "role": "workout", "sha256": hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(path, "w", method) as writing:
        writing.writestr("workouts/a.pulsemesh", content)
        writing.writestr("manifest.json", manifest_of([file], **changes))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "all.zip"


def test_a_workout_is_read_as_it_was_written(path: Path) -> None:
    with open_archive(archive(path, delimited(workout()))) as opened:
        assert (len(opened), opened.person) == (1, "eu_1")
        (entry,) = opened.entries()
        assert entry.recording_id == RECORDING
        assert entry.read() == workout()


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(1, 3000))
def test_workouts_of_any_size_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, samples: int
) -> None:
    path = tmp_path_factory.mktemp("archive") / "all.zip"
    with open_archive(archive(path, delimited(workout(samples=samples)))) as opened:
        assert next(opened.entries()).read() == workout(samples=samples)


def test_an_archive_of_ours_is_told_from_others(path: Path) -> None:
    archive(path, delimited(workout()))
    with zipfile.ZipFile(path) as opened:
        assert is_pulsemesh_archive(opened)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("activities.csv", "")
        assert not is_pulsemesh_archive(other)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("manifest.json", json.dumps({"format": "something else"}))
    with zipfile.ZipFile(path) as opened:
        assert not is_pulsemesh_archive(opened)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "version 2"),
        ({"version": "1"}, "version"),
        ({"format": "zip"}, "not a Pulsemesh archive"),
        ({"workouts": {}}, "no list of workouts"),
        ({"workouts": [1]}, "no list of workouts"),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(path: Path, changes: dict[str, Any], reason: str) -> None:
    archive(path, delimited(workout()), **changes)
    with pytest.raises(UnreadableFile, match=reason):
        open_archive(path)


def test_a_workout_that_was_changed_is_refused(path: Path) -> None:
    content = delimited(workout())
    file = {"name": "workouts/a.pulsemesh", "role": "workout", "sha256": "0" * 64}
    with zipfile.ZipFile(path, "w") as writing:
        writing.writestr("workouts/a.pulsemesh", content)
        writing.writestr("manifest.json", manifest_of([file]))
    with open_archive(path) as opened, pytest.raises(UnreadableFile, match="SHA-256"):
        next(opened.entries()).read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "length"),
        (b"\xff" * 12, "length"),
        (delimited(workout())[:-1], "holds"),
        (b"\x02\xff\xff", "not an archived workout"),
        (delimited(workout("01J0000000000000000000BBBB")), "not the workout"),
    ],
)
def test_content_that_is_no_workout_is_refused(path: Path, content: bytes, reason: str) -> None:
    with open_archive(archive(path, content)) as opened, pytest.raises(UnreadableFile, match=reason):
        next(opened.entries()).read()


def test_a_file_that_is_not_there_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as writing:
        file = {"name": "../etc/passwd", "role": "workout", "sha256": "0" * 64}
        writing.writestr("manifest.json", manifest_of([file]))
    with open_archive(path) as opened, pytest.raises(UnreadableFile, match="has no"):
        next(opened.entries()).read()


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulsemesh_archive, "MAX_WORKOUT_BYTES", 1_000_000)
    archive(path, bytes(1_000_001))
    with open_archive(path) as opened, pytest.raises(UnreadableFile, match="would unpack"):
        next(opened.entries()).read()


def test_a_bomb_that_lies_about_its_size_is_stopped(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulsemesh_archive, "MAX_WORKOUT_BYTES", 1_000_000)
    archive(path, bytes(3_000_000))
    raw = path.read_bytes()
    lie = raw.replace((3_000_000).to_bytes(4, "little"), (500_000).to_bytes(4, "little"))
    path.write_bytes(lie)
    with open_archive(path) as opened, pytest.raises(UnreadableFile):
        next(opened.entries()).read()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_a_compression_that_we_never_write_is_refused(path: Path, method: int) -> None:
    archive(path, delimited(workout()), method=method)
    with pytest.raises(UnreadableFile, match="not read here"):
        open_archive(path)


def test_what_could_not_be_exported_is_told(path: Path) -> None:
    entry = {"recording_id": RECORDING, "files": [], "problems": ["stored samples cannot be read"]}
    with zipfile.ZipFile(path, "w") as writing:
        writing.writestr("manifest.json", manifest_of([], workouts=[entry]))
    with open_archive(path) as opened:
        assert list(opened.entries()) == []
        assert list(opened.problems()) == [(RECORDING, "stored samples cannot be read")]


def test_a_file_that_cannot_be_opened_raises_the_system_s_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_archive(tmp_path / "nothing.zip")


@pytest.mark.parametrize("seed", range(12))
def test_damaged_archives_raise_nothing_but_typed_errors(path: Path, seed: int) -> None:
    dice = random.Random(seed)
    content = archive(path, delimited(workout(samples=200))).read_bytes()
    for _ in range(60):
        damaged = bytearray(content[: dice.randrange(len(content))] if dice.random() < 0.2 else content)
        for _ in range(dice.randint(1, 6)):
            if damaged:
                damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            with open_archive(path) as opened:
                for entry in opened.entries():
                    assert entry.read() == workout(samples=200)
        except UnreadableFile:
            pass
