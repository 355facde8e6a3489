"""SQL of imports. Each function runs inside a transaction of the ledger's thread."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ingest_edge.importer.ledger.records import Job, JobState, Progress, UnknownJob
from ingest_edge.importer.outcome import FileStatus

_COLUMNS = (
    "job_pk, job_id, state, reason, paths, set_aside, created_ms, started_ms, done_before, ended_ms, "
    "scanned, passed_over, cancel_asked"
)
_KEPT = 200
_SHORTEST = 4


def add(
    connection: sqlite3.Connection, job_id: str, paths: Sequence[Path], set_aside: Path | None, now_ms: int
) -> None:
    """Put a new import into the book; the oldest that have ended leave it in the end."""
    connection.execute(
        "INSERT INTO jobs (job_id, state, paths, set_aside, created_ms) VALUES (?,?,?,?,?)",
        (
            job_id,
            JobState.QUEUED,
            json.dumps([str(path) for path in paths]),
            "" if set_aside is None else str(set_aside),
            now_ms,
        ),
    )
    connection.execute(
        "DELETE FROM jobs WHERE state IN ('done', 'cancelled') AND job_pk NOT IN "
        "(SELECT job_pk FROM jobs ORDER BY job_pk DESC LIMIT ?)",
        (_KEPT,),
    )


def key(connection: sqlite3.Connection, job_id: str) -> int:
    """The import's key; the beginning or the end of its id is enough where it is the only one.

    Raises:
        UnknownJob: none, or several.
    """
    wanted = job_id.upper()
    rows = connection.execute("SELECT job_pk FROM jobs WHERE job_id = ?", (wanted,)).fetchall()
    if not rows and len(wanted) >= _SHORTEST:
        # The end of an id tells more than its beginning, which is the time.
        rows = connection.execute(
            "SELECT job_pk FROM jobs WHERE substr(job_id, 1, length(?1)) = ?1 "
            "OR substr(job_id, -length(?1)) = ?1",
            (wanted,),
        ).fetchall()
    if len(rows) != 1:
        raise UnknownJob(f"more than one import is {job_id}" if rows else f"there is no import {job_id}")
    return int(rows[0][0])


def get(connection: sqlite3.Connection, job_pk: int, now_ms: int) -> Job:
    """One import."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE job_pk = ?", (job_pk,)).fetchone()
    return _job(connection, row, now_ms)


def latest(connection: sqlite3.Connection, most: int, now_ms: int) -> list[Job]:
    """The newest imports, the newest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM jobs ORDER BY job_pk DESC LIMIT ?", (most,)).fetchall()
    return [_job(connection, row, now_ms) for row in rows]


def queued(connection: sqlite3.Connection) -> list[str]:
    """The ids of those that wait for somebody to begin, the oldest first."""
    rows = connection.execute(
        "SELECT job_id FROM jobs WHERE state = ? AND NOT cancel_asked ORDER BY job_pk", (JobState.QUEUED,)
    )
    return [row[0] for row in rows]


def begin(connection: sqlite3.Connection, job_pk: int, now_ms: int) -> None:
    """A process starts to work on it."""
    connection.execute(
        "UPDATE jobs SET state = iif(scanned, ?, ?), reason = '', started_ms = ?, ended_ms = 0, "
        "done_before = (SELECT count(*) FROM files WHERE files.job_pk = jobs.job_pk AND status <> '') "
        "WHERE job_pk = ?",
        (JobState.RUNNING, JobState.SCANNING, now_ms, job_pk),
    )


def set_state(
    connection: sqlite3.Connection, job_pk: int, state: JobState, now_ms: int, reason: str = ""
) -> None:
    """Move it on."""
    ended = state not in (JobState.QUEUED, JobState.SCANNING, JobState.RUNNING)
    connection.execute(
        "UPDATE jobs SET state = ?, reason = ?, ended_ms = ? WHERE job_pk = ?",
        (state, reason, now_ms if ended else 0, job_pk),
    )


def set_scanned(connection: sqlite3.Connection, job_pk: int, passed_over: int) -> None:
    """All of its files are known."""
    connection.execute(
        "UPDATE jobs SET scanned = 1, state = ?, passed_over = ? WHERE job_pk = ?",
        (JobState.RUNNING, passed_over, job_pk),
    )


def ask_cancel(connection: sqlite3.Connection, job_pk: int) -> None:
    """Ask whoever works on it to stop."""
    connection.execute("UPDATE jobs SET cancel_asked = 1 WHERE job_pk = ?", (job_pk,))


def cancel_asked(connection: sqlite3.Connection, job_pk: int) -> bool:
    """Whether that was asked."""
    row = connection.execute("SELECT cancel_asked FROM jobs WHERE job_pk = ?", (job_pk,)).fetchone()
    return row is None or bool(row[0])


def requeue(connection: sqlite3.Connection, job_pk: int) -> None:
    """Let it be gone on with: what was not finished has no outcome again."""
    connection.execute(
        "UPDATE files SET status = '', reason = '', fault = '', done_ms = 0 "
        "WHERE job_pk = ? AND status IN (?,?,?)",
        (job_pk, FileStatus.WAITING, FileStatus.NO_ROOM, FileStatus.CANCELLED),
    )
    connection.execute(
        "UPDATE jobs SET state = ?, reason = '', cancel_asked = 0, ended_ms = 0 WHERE job_pk = ?",
        (JobState.QUEUED, job_pk),
    )


def _job(connection: sqlite3.Connection, row: tuple[object, ...], now_ms: int) -> Job:
    job_pk, job_id, state, reason, paths, set_aside, created, started, before, ended, scanned, over, asked = (
        row
    )
    progress = _progress(connection, _int(job_pk), _int(over))
    until = _int(ended) or now_ms
    return Job(
        job_id=str(job_id),
        state=JobState(str(state)),
        paths=tuple(Path(path) for path in json.loads(str(paths))),
        set_aside=Path(str(set_aside)) if set_aside else None,
        created_ms=_int(created),
        started_ms=_int(started),
        ended_ms=_int(ended),
        scanned=bool(scanned),
        cancel_asked=bool(asked),
        reason=str(reason),
        progress=_with_rate(progress, _int(before), until - _int(started) if started else 0),
    )


def _progress(connection: sqlite3.Connection, job_pk: int, passed_over: int) -> Progress:
    rows = connection.execute(
        "SELECT status, count(*), sum(max(size_bytes, 0)) FROM files WHERE job_pk = ? GROUP BY status",
        (job_pk,),
    ).fetchall()
    done = [row for row in rows if row[0]]
    return Progress(
        counts={FileStatus(status): count for status, count, _ in done},
        files=sum(row[1] for row in rows),
        bytes_total=sum(row[2] for row in rows),
        bytes_done=sum(row[2] for row in done),
        passed_over=passed_over,
    )


def _with_rate(progress: Progress, done_before: int, elapsed_ms: int) -> Progress:
    fresh = progress.done - done_before
    if fresh <= 0 or elapsed_ms <= 0:
        return progress
    rate = fresh * 1000 / elapsed_ms
    return Progress(
        progress.counts,
        progress.files,
        progress.bytes_total,
        progress.bytes_done,
        progress.passed_over,
        rate,
        (progress.files - progress.done) / rate,
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
