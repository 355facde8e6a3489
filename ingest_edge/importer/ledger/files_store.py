"""SQL of an import's files and of what its exports tell of them. Runs in the ledger's thread."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from ingest_edge.files.archives import Location, members_of
from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger.records import JobFile, Spooling
from ingest_edge.importer.metadata import Hint
from ingest_edge.importer.outcome import FileOutcome, FileStatus

_COLUMNS = (
    "ordinal, path, members, size_bytes, modified_ns, spooling, sha256, samples, losses, title, status, "
    "recording_id, workout_id, reason, fault"
)
_SAME_START_MS = 2_000
"""Exports round starts to the second, devices write theirs to the second."""

_NUMBER = re.compile(r"\d{5,}")


def forget_scan(connection: sqlite3.Connection, job_pk: int) -> None:
    """Forget what an interrupted scan had found."""
    connection.execute("DELETE FROM files WHERE job_pk = ?", (job_pk,))
    connection.execute("DELETE FROM hints WHERE job_pk = ?", (job_pk,))


def add(connection: sqlite3.Connection, job_pk: int, entries: Iterable[Entry]) -> None:
    """Add files without an outcome."""
    connection.executemany(
        "INSERT OR REPLACE INTO files (job_pk, ordinal, path, members, size_bytes, modified_ns) "
        "VALUES (?,?,?,?,?,?)",
        (
            (
                job_pk,
                entry.ordinal,
                str(entry.location.path),
                entry.location.members_text(),
                entry.size_bytes,
                entry.modified_ns,
            )
            for entry in entries
        ),
    )


def next_pending(connection: sqlite3.Connection, job_pk: int, after: int, most: int) -> list[JobFile]:
    """Files without an outcome, in order, after that ordinal."""
    return _select(
        connection, "job_pk = ? AND status = '' AND ordinal > ? ORDER BY ordinal LIMIT ?", job_pk, after, most
    )


def page(
    connection: sqlite3.Connection, job_pk: int, statuses: Sequence[str], after: int, most: int
) -> list[JobFile]:
    """Files with these outcomes (the empty text is no outcome), in order, after that ordinal."""
    marks = ",".join("?" * len(statuses))
    condition = f"job_pk = ? AND status IN ({marks}) AND ordinal > ? ORDER BY ordinal LIMIT ?"
    return _select(connection, condition, job_pk, *statuses, after, most)


def note_spooling(connection: sqlite3.Connection, job_pk: int, ordinal: int, read: Spooling) -> None:
    """It was read and goes into the spool next."""
    connection.execute(
        "UPDATE files SET spooling = 1, sha256 = ?, samples = ?, losses = ?, title = ? "
        "WHERE job_pk = ? AND ordinal = ?",
        (read.sha256, read.samples, json.dumps(list(read.losses)), read.title, job_pk, ordinal),
    )


def note_done(
    connection: sqlite3.Connection, job_pk: int, ordinal: int, outcome: FileOutcome, now_ms: int
) -> None:
    """It has its outcome."""
    connection.execute(
        "UPDATE files SET status = ?, recording_id = ?, workout_id = ?, reason = ?, fault = ?, samples = ?, "
        "losses = ?, title = ?, done_ms = ? WHERE job_pk = ? AND ordinal = ?",
        (
            outcome.status,
            outcome.recording_id,
            outcome.workout_id,
            outcome.reason,
            outcome.fault,
            outcome.samples,
            json.dumps(list(outcome.losses)),
            outcome.title,
            now_ms,
            job_pk,
            ordinal,
        ),
    )


def cancel_pending(connection: sqlite3.Connection, job_pk: int, now_ms: int) -> None:
    """Name all that have no outcome as cancelled."""
    connection.execute(
        "UPDATE files SET status = ?, done_ms = ? WHERE job_pk = ? AND status = ''",
        (FileStatus.CANCELLED, now_ms, job_pk),
    )


def add_hints(connection: sqlite3.Connection, job_pk: int, hints: Iterable[Hint]) -> None:
    """Add what an export tells."""
    connection.executemany(
        "INSERT INTO hints (job_pk, file_name, folders, activity_id, start_ms, title, notes, gear, sport) "
        "VALUES (?,?,?,?,?,?,?,?,?)",
        ((job_pk, *_split(hint.file_name), *_rest(hint)) for hint in hints),
    )


def hint_for(connection: sqlite3.Connection, job_pk: int, location: Location, start_ms: int) -> Hint | None:
    """What is told of a file: found by its name, by a number in its name, by its start, in this order."""
    found = (
        _by_name(connection, job_pk, location)
        or _by_number(connection, job_pk, location.name)
        or _by_start(connection, job_pk, start_ms)
    )
    numbers = {hint.activity_id for hint in found if hint.activity_id}
    for number in sorted(numbers):
        found += [hint for hint in _hints(connection, job_pk, "activity_id = ?", number) if hint not in found]
    return _merged(found) if found else None


def _by_name(connection: sqlite3.Connection, job_pk: int, location: Location) -> list[Hint]:
    whole = str(location.shown).lower()
    named = _hints(connection, job_pk, "file_name = ?", location.name.lower())
    exact = [hint for hint in named if whole.endswith("/" + hint.file_name)]
    return exact or (named if len(named) == 1 else [])


def _by_number(connection: sqlite3.Connection, job_pk: int, name: str) -> list[Hint]:
    for number in _NUMBER.findall(name):
        found = _hints(connection, job_pk, "activity_id = ?", number)
        if found:
            return found
    return []


def _by_start(connection: sqlite3.Connection, job_pk: int, start_ms: int) -> list[Hint]:
    if not start_ms:
        return []
    low, high = start_ms - _SAME_START_MS, start_ms + _SAME_START_MS
    found = _hints(connection, job_pk, "start_ms BETWEEN ? AND ?", low, high)
    # Two that began at the same moment (a watch and a head unit): nobody knows which is which.
    return found if len(found) == 1 else []


def _hints(connection: sqlite3.Connection, job_pk: int, condition: str, *parameters: object) -> list[Hint]:
    rows = connection.execute(
        "SELECT folders || file_name, activity_id, start_ms, title, notes, gear, sport FROM hints "
        f"WHERE job_pk = ? AND {condition} ORDER BY hint_pk LIMIT 100",
        (job_pk, *parameters),
    )
    return [Hint(*row) for row in rows.fetchall()]


def _merged(hints: Sequence[Hint]) -> Hint:
    """The first word on everything, and all notes."""
    notes = dict.fromkeys(hint.notes for hint in hints if hint.notes)
    return Hint(
        title=next((hint.title for hint in hints if hint.title), ""),
        notes="\n\n".join(notes),
        gear=next((hint.gear for hint in hints if hint.gear), ""),
        sport=next((hint.sport for hint in hints if hint.sport), ""),
    )


def _split(file_name: str) -> tuple[str, str]:
    folders, slash, name = file_name.rpartition("/")
    return name, folders + slash


def _rest(hint: Hint) -> tuple[object, ...]:
    return hint.activity_id, hint.start_ms, hint.title, hint.notes, hint.gear, hint.sport


def _select(connection: sqlite3.Connection, condition: str, *parameters: object) -> list[JobFile]:
    rows = connection.execute(f"SELECT {_COLUMNS} FROM files WHERE {condition}", parameters).fetchall()
    return [_file(row) for row in rows]


def _file(row: tuple[object, ...]) -> JobFile:
    ordinal, path, members, size, modified, spooling, sha256, samples, losses, title, status, *rest = row
    recording_id, workout_id, reason, fault = (str(text) for text in rest)
    location = Location(Path(str(path)), members_of(str(members)))
    lost = tuple(json.loads(str(losses)))
    assert isinstance(samples, int)
    assert isinstance(ordinal, int)
    assert isinstance(size, int)
    assert isinstance(modified, int)
    outcome = None
    if status:
        outcome = FileOutcome(
            location.shown,
            FileStatus(str(status)),
            recording_id,
            workout_id,
            reason,
            samples,
            lost,
            fault,
            str(title),
        )
    read = Spooling(str(sha256), samples, lost, str(title)) if spooling else None
    return JobFile(Entry(ordinal, location, size, modified), read, outcome)
