"""SQL of what archives of ours ask to be done again, and what became of it. Runs in the ledger's thread."""

from __future__ import annotations

import json
import sqlite3

from ingest_edge.files.archives import Location
from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger.records import ArchivedFile
from ingest_edge.importer.outcome import FileStatus
from ingest_edge.importer.restoring.facts import ArchivedFacts, facts_from
from ingest_edge.importer.restoring.steps import Step, StepKind, StepStatus


def archive_key(location: Location) -> str:
    """One text for the archive in which a file lies."""
    return f"{location.path}\n{location.container.members_text()}"


def forget(connection: sqlite3.Connection, job_pk: int) -> None:
    """Forget what an interrupted scan had found."""
    connection.execute("DELETE FROM derivations WHERE job_pk = ?", (job_pk,))
    connection.execute("DELETE FROM archived WHERE job_pk = ?", (job_pk,))


def note_archived(connection: sqlite3.Connection, job_pk: int, entry: Entry, facts: ArchivedFacts) -> None:
    """A workout of an archive was read."""
    connection.execute(
        "INSERT OR REPLACE INTO archived (job_pk, ordinal, archive, facts) VALUES (?,?,?,?)",
        (job_pk, entry.ordinal, archive_key(entry.location), facts.to_text()),
    )


def note_derivations(connection: sqlite3.Connection, job_pk: int, location: Location, content: bytes) -> None:
    """An archive tells how its workouts came of others."""
    connection.execute(
        "INSERT OR REPLACE INTO derivations (job_pk, archive, content) VALUES (?,?,?)",
        (job_pk, archive_key(location), content),
    )


def archives(connection: sqlite3.Connection, job_pk: int) -> list[str]:
    """The keys of all archives of which a workout was read."""
    rows = connection.execute(
        "SELECT archive FROM archived WHERE job_pk = ? GROUP BY archive ORDER BY min(ordinal)", (job_pk,)
    )
    return [row[0] for row in rows]


def files(connection: sqlite3.Connection, job_pk: int, archive: str) -> list[ArchivedFile]:
    """The workouts of an archive that were read, in their order, with what they are here."""
    rows = connection.execute(
        "SELECT archived.ordinal, archived.facts, files.status, files.workout_id FROM archived "
        "JOIN files USING (job_pk, ordinal) WHERE archived.job_pk = ? AND archived.archive = ? "
        "ORDER BY archived.ordinal",
        (job_pk, archive),
    )
    return [
        ArchivedFile(ordinal, facts_from(facts), FileStatus(status) if status else None, workout_id)
        for ordinal, facts, status, workout_id in rows
    ]


def derivations(connection: sqlite3.Connection, job_pk: int, archive: str) -> bytes:
    """What the archive tells of them; empty where it tells nothing."""
    row = connection.execute(
        "SELECT content FROM derivations WHERE job_pk = ? AND archive = ?", (job_pk, archive)
    ).fetchone()
    return b"" if row is None else bytes(row[0])


def note_step(connection: sqlite3.Connection, job_pk: int, archive: str, step: Step) -> None:
    """What became of a step; that it was done is not forgotten when it is looked at again."""
    connection.execute(
        "INSERT INTO steps (job_pk, archive, kind, subject, status, workout_ids, reason) "
        "VALUES (?,?,?,?,?,?,?) ON CONFLICT (job_pk, archive, kind, subject) DO UPDATE SET "
        "status = iif(status = 'done' AND excluded.status = 'already', status, excluded.status), "
        "workout_ids = excluded.workout_ids, reason = excluded.reason",
        (job_pk, archive, step.kind, step.subject, step.status, json.dumps(step.workout_ids), step.reason),
    )


def steps(connection: sqlite3.Connection, job_pk: int, archive: str | None = None) -> list[Step]:
    """The steps so far, of one archive or of all, in the order in which they were first taken."""
    rows = connection.execute(
        "SELECT kind, subject, status, workout_ids, reason FROM steps "
        "WHERE job_pk = ?1 AND (?2 IS NULL OR archive = ?2) ORDER BY step_pk",
        (job_pk, archive),
    )
    return [
        Step(StepKind(kind), subject, StepStatus(status), tuple(json.loads(ids)), reason)
        for kind, subject, status, ids, reason in rows
    ]
