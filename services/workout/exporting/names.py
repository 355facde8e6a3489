"""Names of exported files, such as every file system takes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from sqlalchemy import Row

from pulsemesh.type.v1 import sport_pb2

_MAX_NAME = 120
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def stem(row: Row[Any]) -> str:
    """Day (UTC), sport and id of a workout: `2026-05-28-cycling-01jx…`."""
    day = datetime.fromtimestamp(row.start_ms / 1000, UTC)
    sport = sport_pb2.Sport.Name(sport_pb2.Sport.ValueType(row.sport)).removeprefix("SPORT_").lower()
    words = "workout" if sport == "unspecified" else sport.replace("_", "-")
    return f"{day:%Y-%m-%d}-{words}-{row.workout_id.lower()}"


def safe(name: str) -> str:
    """A file's own name without a folder, and without what some file system refuses; never empty."""
    base = PureWindowsPath(PurePosixPath(name).name).name
    cleaned = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]', "_", base).strip(" .")
    if _RESERVED.match(cleaned):
        cleaned = f"_{cleaned}"
    dot = cleaned.rfind(".", len(cleaned) - 12)
    extension = cleaned[dot:] if dot > 0 else ""
    return (
        cleaned[: _MAX_NAME - len(extension)] + extension if len(cleaned) > _MAX_NAME else cleaned
    ) or "file"
