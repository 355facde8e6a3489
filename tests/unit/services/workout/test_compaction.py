"""A workout is made of whatever a writer sent: closing must never get stuck."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.samples import encode_batch
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout import documents
from services.workout.codec import MAX_CHUNK_SAMPLES, SampleColumn, SampleColumns, decode_chunk
from services.workout.compaction import JournalledRecording, chunk_rows, clock_correction_ms, prepare

START_MS = 1_750_000_000_000
HOUR_MS = 3_600_000
INT64 = st.integers(-(2**63), 2**63 - 1)


def journalled(
    details: recording_pb2.RecordingDetails, *batches: Any, offset_ms: int = 0
) -> JournalledRecording:
    """Rows as the store gives them, of one source."""
    described = recording_pb2.Source(source_id="strap", channels=[6])  # type: ignore[list-item]
    recording = SimpleNamespace(
        recording_pk=1,
        recording_id="0" * 26,
        user_id="eu_1",
        state=1,
        sport=0,
        sub_sport=0,
        start_ms=START_MS,
        clock_offset_ms=offset_ms,
        details=details.SerializeToString(),
    )
    source = SimpleNamespace(
        source_pk=7,
        source_id="strap",
        description=described.SerializeToString(),
        next_sequence=10,
        rejected_samples=0,
        complete=True,
    )
    payloads = [batch.SerializeToString() for batch in batches]
    return JournalledRecording(cast(Any, recording), (cast(Any, source),), {7: payloads})


times = st.one_of(INT64, st.integers(START_MS - HOUR_MS, START_MS + HOUR_MS))
spans = st.tuples(times, times)


@given(
    sessions=st.lists(st.tuples(spans, st.integers(0, 22)), max_size=4),
    laps=st.lists(spans, max_size=4),
    lengths=st.lists(spans, max_size=4),
    wild=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=8),
    channel=st.integers(1, 32),
    offset_ms=INT64,
)
@settings(deadline=None, max_examples=150)
def test_no_details_whatever_keep_a_recording_from_closing(
    *, sessions: list[Any], laps: list[Any], lengths: list[Any], wild: list[int], channel: int, offset_ms: int
) -> None:
    details = recording_pb2.RecordingDetails()
    for (start, end), sport in sessions:
        details.sessions.add(start_time_ms=start, end_time_ms=end, sport=sport)
    for start, end in laps:
        details.laps.add(start_time_ms=start, end_time_ms=end)
    for start, end in lengths:
        details.lengths.add(start_time_ms=start, end_time_ms=end, active=True, strokes=10_000)
    at = [START_MS + index * 700 for index in range(len(wild))]
    made = prepare(
        journalled(details, encode_batch(0, 0, at, {channel: wild}), offset_ms=offset_ms), START_MS
    )
    assert made.workout["end_ms"] >= made.workout["start_ms"]
    assert workout_pb2.Workout.FromString(made.workout["document"]).summary == made.message.summary


def test_a_title_loses_what_a_database_cannot_hold() -> None:
    made = prepare(journalled(recording_pb2.RecordingDetails(title="a\0b")), START_MS)
    assert made.workout["title"] == "ab"


@pytest.mark.parametrize(
    ("offset_ms", "sha256", "correction_ms"),
    [
        (0, "", 0),
        (5_000, "", 0),
        (-5_001, "", -5_001),
        (1_750_000_000_000, "", 1_750_000_000_000),
        (10**15, "", 0),
        (60_000, "a" * 64, 0),
    ],
)
def test_only_a_live_writers_wrong_clock_is_corrected(
    offset_ms: int, sha256: str, correction_ms: int
) -> None:
    details = recording_pb2.RecordingDetails(file_sha256=sha256)
    assert clock_correction_ms(offset_ms, details) == correction_ms


def test_chunks_are_cut_at_the_hours_of_a_source() -> None:
    at = START_MS + np.arange(0, 2 * HOUR_MS + 1, 60_000, dtype=np.int64)
    rows = chunk_rows(7, SampleColumns(at, {6: SampleColumn(np.full(len(at), 140, np.int32))}))
    assert [(row["ordinal"], row["samples"]) for row in rows] == [(0, 60), (1, 60), (2, 1)]
    assert [row["start_ms"] for row in rows] == [START_MS, START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]


def test_a_dense_hour_is_several_chunks() -> None:
    at = START_MS + np.arange(MAX_CHUNK_SAMPLES + 10, dtype=np.int64)
    rows = chunk_rows(7, SampleColumns(at, {8: SampleColumn(np.zeros(len(at), np.int32))}))
    assert [row["samples"] for row in rows] == [MAX_CHUNK_SAMPLES, 10]
    assert len(decode_chunk(rows[0]["payload"])) == MAX_CHUNK_SAMPLES


@pytest.mark.parametrize(
    ("sport", "title"),
    [
        (sport_pb2.SPORT_CROSS_COUNTRY_SKIING, "Cross country skiing, 15 June 2025"),
        (sport_pb2.SPORT_UNSPECIFIED, "Workout, 15 June 2025"),
    ],
)
def test_the_title_says_sport_and_day(sport: int, title: str) -> None:
    assert documents.default_title(sport, START_MS) == title
