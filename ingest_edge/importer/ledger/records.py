"""What the ledger keeps, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingest_edge.importer.entries import Entry
from ingest_edge.importer.outcome import GOOD, FileOutcome, FileStatus
from ingest_edge.importer.restoring.facts import ArchivedFacts


class UnknownJob(Exception):
    """There is no import of that id, or more than one whose id begins so."""


class JobState(StrEnum):
    """Where an import stands."""

    QUEUED = "queued"
    """Nobody has begun with it, or gone on with it, yet."""
    SCANNING = "scanning"
    """Folders and archives are looked through."""
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    """Its process ended before it did; it can be resumed."""
    DONE = "done"
    """Every file has its outcome. Some may still wait in the spool for a platform that was away."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    """It could not go on, for the reason given; it can be resumed."""


ENDED = frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED, JobState.INTERRUPTED})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Attributes:
        counts: files by their outcome.
        files: how many there are; as many as were found so far while they are looked for.
        passed_over: members of archives that are none of ours.
        rate: files a second since this run began; 0 where none is done in it.
        remaining_s: how long the rest takes at that rate; None where there is no rate.
    """

    counts: Mapping[FileStatus, int]
    files: int
    bytes_total: int
    bytes_done: int
    passed_over: int
    rate: float = 0.0
    remaining_s: float | None = None

    @property
    def done(self) -> int:
        """Files that have an outcome."""
        return sum(self.counts.values())

    @property
    def bad(self) -> int:
        """Of those, files about which something is left to be done."""
        return sum(count for status, count in self.counts.items() if status not in GOOD)


@dataclass(frozen=True, slots=True)
class Job:
    """One import. Times are Unix milliseconds, 0 where it has not come to that."""

    job_id: str
    state: JobState
    paths: tuple[Path, ...]
    set_aside: Path | None
    created_ms: int
    started_ms: int
    ended_ms: int
    scanned: bool
    cancel_asked: bool
    reason: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Spooling:
    """What is known of a file that was read, and is in the spool or on its way there."""

    sha256: str
    samples: int
    losses: tuple[str, ...]
    title: str


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A workout of an archive of ours that was read, with its outcome and workout once it has them."""

    ordinal: int
    facts: ArchivedFacts
    status: FileStatus | None
    workout_id: str


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of an import, with its outcome once it has one."""

    entry: Entry
    spooling: Spooling | None
    outcome: FileOutcome | None
