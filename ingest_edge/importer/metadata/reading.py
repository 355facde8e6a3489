"""From a file of an export to what it tells. Busy, and the file may be anybody's: run it beside a decoder."""

from __future__ import annotations

import json

from ingest_edge.importer.metadata import garmin, strava
from ingest_edge.importer.metadata.hint import Hint


def hints_of(name: str, content: bytes) -> list[Hint]:
    """What a file of this name tells; nothing where it is not what its name says."""
    base = name.rsplit("/", 1)[-1].lower()
    if base == "activities.csv":
        return strava.activities(content)
    if base == "comments.csv":
        return strava.comments(content)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return []
    return garmin.gear(document) if base.endswith("gear.json") else garmin.activities(document)
