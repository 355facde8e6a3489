"""Recordings and batches for tests of the spool: each sample's value is its own sequence."""

from __future__ import annotations

from ingest_edge.spool import NewRecording, RecordingKind, Spool, SpooledRecording
from pulsemesh.samples import decode_batch, encode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import recording_pb2, sample_pb2

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
START_MS = 1_790_000_000_000


def new_recording(kind: RecordingKind = RecordingKind.LIVE, start_ms: int = START_MS) -> NewRecording:
    return NewRecording(
        new_ulid(), kind, "edge-test", sport_pb2.SPORT_CYCLING, sport_pb2.SUB_SPORT_UNSPECIFIED, start_ms
    )


def heart_source(source_id: str = "strap/heart_rate") -> recording_pb2.Source:
    return recording_pb2.Source(source_id=source_id, channels=[HEART_RATE])


def numbered_batch(first: int, count: int) -> sample_pb2.SampleBatch:
    """Samples whose values are `first`, `first + 1`, …"""
    sequences = range(first, first + count)
    return encode_batch(
        0, 0, [START_MS + 1000 * sequence for sequence in sequences], {HEART_RATE: list(sequences)}
    )


async def begin(spool: Spool, *source_ids: str) -> str:
    """A recording with these sources; one where none is named."""
    new = new_recording()
    await spool.begin(new, [heart_source(source_id) for source_id in source_ids or ["strap/heart_rate"]])
    return new.recording_id


async def stored_values(spool: Spool, recording_id: str, source: int = 0, start: int = 0) -> list[int | None]:
    """The values of everything that a session would be given from `start` on."""
    feed = await spool.feed(recording_id)
    values: list[int | None] = []
    while (batch := await feed.next_batch(source, start + len(values), 700)) is not None:
        assert batch.first_sequence == start + len(values)
        values += decode_batch(batch).columns[HEART_RATE]
    return values


async def found(spool: Spool, recording_id: str) -> SpooledRecording:
    recording = await spool.find(recording_id)
    assert recording is not None
    return recording
