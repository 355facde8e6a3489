"""What is known of a file beside what is in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingest_edge.importer.translation import ImportedRecording
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2

_MAX_TITLE, _MAX_NOTES, _MAX_GEAR = 200, 10_000, 128


@dataclass(frozen=True, slots=True)
class Hint:
    """What an export says of one activity, and by what the file is found that it speaks of.

    Attributes:
        file_name: of the file, with as many of its folders as the export tells; lower case.
        activity_id: a number that may stand in the file's name.
        start_ms: when the activity began, Unix time; 0 where it is not known to the second.
        sport: a value name of `pulsemesh.type.v1.Sport`; empty where the export says none that we know.
    """

    file_name: str = ""
    activity_id: str = ""
    start_ms: int = 0
    title: str = ""
    notes: str = ""
    gear: str = ""
    sport: str = ""


def described(recording: ImportedRecording, hint: Hint | None) -> ImportedRecording:
    """The recording with what is known of it beside its file. What the file says of the sport stays."""
    if hint is None:
        return recording
    details = recording_pb2.RecordingDetails()
    details.CopyFrom(recording.details)
    details.title = _bounded(hint.title, _MAX_TITLE) or details.title
    details.notes = _bounded(hint.notes, _MAX_NOTES) or details.notes
    details.gear = _bounded(hint.gear, _MAX_GEAR) or details.gear
    new = recording.new
    if hint.sport and new.sport in (sport_pb2.SPORT_UNSPECIFIED, sport_pb2.SPORT_OTHER):
        sport = sport_pb2.Sport.Value(hint.sport)
        new = replace(new, sport=sport)
        for part in details.sessions:
            if part.sport in (sport_pb2.SPORT_UNSPECIFIED, sport_pb2.SPORT_OTHER):
                part.sport = sport
    return replace(recording, new=new, details=details)


def _bounded(text: str, most: int) -> str:
    """Without NUL, which no store takes, and no longer than the contract allows."""
    cleaned = text.replace("\0", "").strip()
    return cleaned if len(cleaned) <= most else cleaned[: most - 1].rstrip() + "…"
