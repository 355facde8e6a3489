"""Committing batches: many at a time, each exactly once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from sqlalchemy import Connection, Dialect, bindparam, insert, select, update

from pulsemesh.workout.v1 import recording_pb2
from services.workout.ingest.store.locks import ACCEPTING
from services.workout.tables import journal, recordings, sources

# The recording's row is touched at most this often while samples arrive: it only says
# that somebody is still writing.
_TOUCH_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Commit:
    """Samples to store, or the place of refused samples to mark (`rejected` is not 0)."""

    source_pk: int
    epoch: int
    first_sequence: int
    count: int
    rejected: int
    payload: bytes


class CommitOutcome(Enum):
    """What became of a `Commit`."""

    STORED = auto()
    """Durable now, or since an earlier attempt."""
    FENCED = auto()
    """Another session writes the source now."""
    OUT_OF_SEQUENCE = auto()
    """An earlier batch of the source is missing."""
    CLOSED = auto()
    """The recording takes no more samples."""
    GONE = auto()
    """The recording was discarded or deleted."""


@dataclass(slots=True)
class _Cursor:
    epoch: int
    next_sequence: int
    complete: bool
    state: int
    recording_pk: int
    updated_ms: int
    rejected: int = 0
    moved: bool = False


_JournalRow = tuple[int, int, int, int, bytes]
_JOURNAL_COLUMNS = ("source_pk", "first_sequence", "samples", "rejected", "payload")

_read_cursors = (
    select(
        sources.c.source_pk,
        # The rest in the order of `_Cursor`.
        sources.c.epoch,
        sources.c.next_sequence,
        sources.c.complete,
        recordings.c.state,
        sources.c.recording_pk,
        recordings.c.updated_ms,
    )
    .join(recordings, recordings.c.recording_pk == sources.c.recording_pk)
    .where(sources.c.source_pk.in_(bindparam("wanted", expanding=True)))
    # In one order everywhere, so that two processes never wait for each other.
    .order_by(sources.c.source_pk)
    .with_for_update(of=sources)
)

_move_cursor = (
    update(sources)
    .where(sources.c.source_pk == bindparam("moved_pk"))
    .values(
        next_sequence=bindparam("moved_to"),
        rejected_samples=sources.c.rejected_samples + bindparam("rejected_more"),
    )
)


def commit_batches(
    conn: Connection, commits: Sequence[Commit], clock_ms: Callable[[], int]
) -> list[CommitOutcome]:
    """Store the batches in their order; one outcome each.

    A commit whose samples are held already is STORED: an attempt whose outcome was unknown
    may be repeated.
    """
    cursors = _lock_cursors(conn, commits)
    rows = []
    outcomes = []
    for commit in commits:
        outcome, row = _place(cursors.get(commit.source_pk), commit)
        outcomes.append(outcome)
        if row is not None:
            rows.append(row)
    if rows:
        conn.exec_driver_sql(_insert_into_journal(conn.dialect), rows)
        _move_cursors(conn, cursors)
        _touch(conn, cursors.values(), clock_ms())
    return outcomes


@lru_cache
def _insert_into_journal(dialect: Dialect) -> str:
    """The INSERT as the driver takes it: a thousand rows a time, the work for each parameter counts."""
    return str(insert(journal).compile(dialect=dialect, column_keys=list(_JOURNAL_COLUMNS)))


def _lock_cursors(conn: Connection, commits: Iterable[Commit]) -> dict[int, _Cursor]:
    wanted = sorted({commit.source_pk for commit in commits})
    return {
        source_pk: _Cursor(*cursor) for source_pk, *cursor in conn.execute(_read_cursors, {"wanted": wanted})
    }


def _place(cursor: _Cursor | None, commit: Commit) -> tuple[CommitOutcome, _JournalRow | None]:
    if cursor is None or cursor.state == recording_pb2.RECORDING_STATE_DISCARDED:
        return CommitOutcome.GONE, None
    if cursor.epoch != commit.epoch:
        return CommitOutcome.FENCED, None
    end = commit.first_sequence + commit.count
    if end <= cursor.next_sequence:
        return CommitOutcome.STORED, None
    if cursor.complete or cursor.state not in ACCEPTING:
        return CommitOutcome.CLOSED, None
    if commit.first_sequence != cursor.next_sequence:
        return CommitOutcome.OUT_OF_SEQUENCE, None
    cursor.next_sequence = end
    cursor.moved = True
    if commit.rejected:
        cursor.rejected += commit.count
    return CommitOutcome.STORED, (
        commit.source_pk,
        commit.first_sequence,
        commit.count,
        commit.rejected,
        commit.payload,
    )


def _move_cursors(conn: Connection, cursors: dict[int, _Cursor]) -> None:
    moved = [
        {"moved_pk": source_pk, "moved_to": cursor.next_sequence, "rejected_more": cursor.rejected}
        for source_pk, cursor in cursors.items()
        if cursor.moved
    ]
    conn.execute(_move_cursor, moved)


def _touch(conn: Connection, cursors: Iterable[_Cursor], now_ms: int) -> None:
    due = {
        cursor.recording_pk
        for cursor in cursors
        if cursor.moved and now_ms - cursor.updated_ms >= _TOUCH_EVERY_MS
    }
    if due:
        conn.execute(
            update(recordings).where(recordings.c.recording_pk.in_(sorted(due))).values(updated_ms=now_ms)
        )
