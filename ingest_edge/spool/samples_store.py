"""SQL of the samples. Each function runs inside a transaction of the spool's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from ingest_edge.spool.batches import joined
from ingest_edge.spool.errors import SamplesGone, UnknownRecording
from ingest_edge.spool.records import SpoolState
from pulsemesh.samples import Fault, check_batch, sample_count
from pulsemesh.workout.v1 import ingest_service_pb2, recording_pb2, sample_pb2

_LATEST_MS = 32_503_680_000_000
_JOINED_BYTES = 1024**2
"""Serialised bytes that one joined batch takes together at most: far below gRPC's 4 MiB a message."""


@dataclass(frozen=True, slots=True)
class _SourceRow:
    source_pk: int
    next_sequence: int
    acknowledged: int
    channels: frozenset[int]


def _source(connection: sqlite3.Connection, recording_id: str, column: str, name: str | int) -> _SourceRow:
    row = connection.execute(
        "SELECT source_pk, next_sequence, acknowledged, description FROM sources JOIN recordings "
        f"USING (recording_pk) WHERE recording_id = ? AND {column} = ?",
        (recording_id, name),
    ).fetchone()
    if row is None:
        raise UnknownRecording(f"the spool holds no source {name} of recording {recording_id}")
    channels = frozenset(int(channel) for channel in recording_pb2.Source.FromString(row[3]).channels)
    return _SourceRow(row[0], row[1], row[2], channels)


def append(
    connection: sqlite3.Connection,
    recording_id: str,
    source_id: str,
    batch: sample_pb2.SampleBatch,
    now_ms: int,
) -> int:
    """Store a batch after what the source has; returns the sequence of its first sample.

    The batch's own `source` and `first_sequence` are ignored.

    Raises:
        ValueError: the batch is malformed or carries a channel that the source did not announce.
        UnknownRecording: no such source, or the recording is finished.
    """
    source = _source(connection, recording_id, "source_id", source_id)
    _require_recording(connection, recording_id)
    fault = check_batch(batch, source.channels, earliest_ms=0, latest_ms=_LATEST_MS)
    if fault is not None:
        raise ValueError(_explained(fault))
    samples = sample_count(batch)
    stored = sample_pb2.SampleBatch()
    stored.CopyFrom(batch)
    stored.source, stored.first_sequence = 0, source.next_sequence
    connection.execute(
        "INSERT INTO batches (source_pk, first_sequence, samples, payload) VALUES (?,?,?,?)",
        (source.source_pk, source.next_sequence, samples, stored.SerializeToString()),
    )
    connection.execute(
        "UPDATE sources SET next_sequence = ? WHERE source_pk = ?",
        (source.next_sequence + samples, source.source_pk),
    )
    # Says when the recording was last alive, for whoever finds it interrupted.
    connection.execute("UPDATE recordings SET updated_ms = ? WHERE recording_id = ?", (now_ms, recording_id))
    return source.next_sequence


def _require_recording(connection: sqlite3.Connection, recording_id: str) -> None:
    row = connection.execute(
        "SELECT state FROM recordings WHERE recording_id = ?", (recording_id,)
    ).fetchone()
    if row[0] != SpoolState.RECORDING:
        raise UnknownRecording(f"recording {recording_id} is {row[0]}: it takes no samples any more")


def _explained(fault: Fault) -> str:
    return f"{fault.field}: {fault.detail}"


def read(
    connection: sqlite3.Connection, recording_id: str, position: int, sequence: int, max_samples: int
) -> sample_pb2.SampleBatch | None:
    """Samples from `sequence` on, or None where there is none yet.

    Raises:
        SamplesGone: they were acknowledged before, and deleted.
    """
    source = _source(connection, recording_id, "position", position)
    if sequence >= source.next_sequence or max_samples < 1:
        return None
    payloads = list(_payloads(connection, source.source_pk, sequence, max_samples))
    batch = joined(payloads, position, sequence, max_samples)
    if batch is None or not payloads:
        raise SamplesGone(
            f"the platform asks for sample {sequence} of {recording_id} source {position}, though it had "
            f"acknowledged everything below {source.acknowledged}"
        )
    return batch


def _payloads(
    connection: sqlite3.Connection, source_pk: int, sequence: int, max_samples: int
) -> Iterator[bytes]:
    first = connection.execute(
        "SELECT first_sequence FROM batches WHERE source_pk = ? AND first_sequence <= ? "
        "AND first_sequence + samples > ? ORDER BY first_sequence DESC LIMIT 1",
        (source_pk, sequence, sequence),
    ).fetchone()
    if first is None:
        return
    rows = connection.execute(
        "SELECT first_sequence, payload FROM batches WHERE source_pk = ? AND first_sequence >= ? "
        "ORDER BY first_sequence",
        (source_pk, first[0]),
    )
    size = 0
    for first_sequence, payload in rows:
        size += len(payload)
        if first_sequence >= sequence + max_samples or (size > _JOINED_BYTES and size > len(payload)):
            return
        yield payload


def acknowledge(connection: sqlite3.Connection, recording_id: str, position: int, next_sequence: int) -> None:
    """Delete what lies wholly below `next_sequence`: the platform has committed it."""
    source = _source(connection, recording_id, "position", position)
    acknowledged = min(next_sequence, source.next_sequence)
    if acknowledged <= source.acknowledged:
        return
    connection.execute(
        "DELETE FROM batches WHERE source_pk = ? AND first_sequence < ? AND first_sequence + samples <= ?",
        (source.source_pk, acknowledged, acknowledged),
    )
    connection.execute(
        "UPDATE sources SET acknowledged = ? WHERE source_pk = ?", (acknowledged, source.source_pk)
    )


def set_aside(
    connection: sqlite3.Connection,
    recording_id: str,
    rejection: ingest_service_pb2.Rejection,
    now_ms: int,
) -> None:
    """Keep the samples of a rejected batch where a person finds them. A repeat changes nothing."""
    source = _source(connection, recording_id, "position", rejection.source)
    payload = _refused(connection, recording_id, rejection)
    added = connection.execute(
        "INSERT INTO set_aside (source_pk, first_sequence, samples, reason, detail, payload, at_ms) "
        "VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING",
        (
            source.source_pk,
            rejection.first_sequence,
            rejection.samples,
            ingest_service_pb2.RejectionReason.Name(rejection.reason).removeprefix("REJECTION_REASON_"),
            f"{rejection.field}: {rejection.detail}" if rejection.field else rejection.detail,
            payload,
            now_ms,
        ),
    )
    connection.execute(
        "UPDATE sources SET rejected = rejected + ? WHERE source_pk = ?",
        (rejection.samples * added.rowcount, source.source_pk),
    )


def _refused(
    connection: sqlite3.Connection, recording_id: str, rejection: ingest_service_pb2.Rejection
) -> bytes:
    """The refused samples; nothing where they are gone: then the entry still says what happened."""
    try:
        batch = read(
            connection, recording_id, rejection.source, rejection.first_sequence, max(rejection.samples, 1)
        )
    except SamplesGone:
        return b""
    return b"" if batch is None else batch.SerializeToString()


def drop_all(connection: sqlite3.Connection, recording_id: str) -> None:
    """Delete what is left of a closed recording's samples; what was set aside stays."""
    connection.execute(
        "DELETE FROM batches WHERE source_pk IN (SELECT source_pk FROM sources JOIN recordings "
        "USING (recording_pk) WHERE recording_id = ?)",
        (recording_id,),
    )
    connection.execute(
        "UPDATE sources SET acknowledged = next_sequence WHERE recording_pk = "
        "(SELECT recording_pk FROM recordings WHERE recording_id = ?)",
        (recording_id,),
    )
