"""The manifest of an archive: what is in it, and how to tell that it is whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from ingest_edge.files.pulsemesh_archive import FORMAT, VERSION
from pulsemesh.type.v1 import sport_pb2
from services.workout.exporting.stored import StoredWorkout


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file of the archive. `role` is `workout` (lossless), `fit` (for other tools) or `original`."""

    name: str
    role: str
    size_bytes: int
    sha256: str


@dataclass(slots=True)
class Entry:
    """One workout of the archive, and what kept a part of it out."""

    stored: StoredWorkout
    files: list[ArchivedFile] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As the manifest tells it."""
        row = self.stored.row
        return {
            "workout_id": row.workout_id,
            "recording_id": row.recording_id,
            "title": row.title,
            "sport": sport_pb2.Sport.Name(sport_pb2.Sport.ValueType(row.sport)),
            "start_time": _iso(row.start_ms),
            "files": [asdict(file) for file in self.files],
            **({"problems": self.problems} if self.problems else {}),
        }


class Manifest:
    """Grows with the archive, by a few hundred bytes a workout."""

    def __init__(self, person: str, created_ms: int) -> None:
        self._head = {
            "format": FORMAT,
            "version": VERSION,
            "person": person,
            "created_at": _iso(created_ms),
        }
        self._workouts: list[dict[str, Any]] = []
        self._derivations: dict[str, Any] = {}

    def add(self, entry: Entry) -> None:
        """Take a workout in."""
        self._workouts.append(entry.document())

    def add_derivations(self, file: ArchivedFile) -> None:
        """Take in the file that says how workouts came of others."""
        self._derivations = {"derivations": asdict(file)}

    def content(self) -> bytes:
        """The file."""
        document = {**self._head, **self._derivations, "workouts": self._workouts}
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
