"""What becomes of a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class FileStatus(StrEnum):
    """How the import of a file ended."""

    IMPORTED = "imported"
    """It is a workout now."""
    PARTIAL = "partial"
    """It is a workout now, though something of the file is missing: `losses` say what."""
    DUPLICATE = "duplicate"
    """It was a workout already."""
    NOT_AN_ACTIVITY = "not_an_activity"
    """A sound file of another kind."""
    UNREADABLE = "unreadable"
    """Nothing could be made of it, or it was not opened: `fault` says which kind of trouble."""
    FAILED = "failed"
    """The platform will not take it; `reason` says why."""
    NO_ROOM = "no_room"
    """The spool is full; try again once something was uploaded."""
    WAITING = "waiting"
    """It is safe in the spool and goes up when the platform can be reached."""
    DERIVED = "derived"
    """It was made of other workouts of its archive: what made it is done again once those are here."""
    CANCELLED = "cancelled"
    """The import was given up before its turn came."""


GOOD = frozenset({FileStatus.IMPORTED, FileStatus.PARTIAL, FileStatus.DUPLICATE, FileStatus.NOT_AN_ACTIVITY})
"""Nothing is left to be done about these."""

UNFINISHED = frozenset({FileStatus.WAITING, FileStatus.NO_ROOM, FileStatus.CANCELLED})
"""Going on with the import looks at these again."""

BAD = frozenset({FileStatus.UNREADABLE, FileStatus.FAILED})
"""These are set aside for a person."""


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file; the file itself is never touched.

    Attributes:
        path: where it is; of a member of an archive, the archive's path gone on into it.
        fault: for programs: why it was not read (`ArchiveFault` by its value, or `undecodable`).
        samples: samples that were read from it.
        losses: what could not be read or was not taken.
        title: what the export that it lay in calls it.
    """

    path: Path
    status: FileStatus
    recording_id: str = ""
    workout_id: str = ""
    reason: str = ""
    samples: int = 0
    losses: tuple[str, ...] = ()
    fault: str = ""
    title: str = ""

    @property
    def good(self) -> bool:
        """Nothing is left to be done about this file."""
        return self.status in GOOD


class FileStage(StrEnum):
    """What is being done with a file."""

    READING = "reading"
    DECODING = "decoding"
    UPLOADING = "uploading"
    DONE = "done"


OnProgress = Callable[[Path, FileStage], None]
