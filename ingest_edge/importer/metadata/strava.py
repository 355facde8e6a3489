"""What a Strava account's export tells: `activities.csv` and, where there is one, `comments.csv`.

The header of activities.csv is in the language of the account, and some of its names occur twice. So columns
are found by their English names where those are there; else by their order, which is the same in every
language, from the column that names files on.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ingest_edge.importer.metadata.hint import Hint

_FILE_NAME = re.compile(r"^\S.*\.(fit|gpx|tcx)(\.gz)?$", re.IGNORECASE)
_FIELD_LIMIT = 1 << 20
_DATE = "%b %d, %Y, %I:%M:%S %p"
_WITH_PRIVATE_NOTE = 12
"""Where the file name stands in exports that have a column of private notes before it."""

_SPORTS = {
    "SPORT_RUNNING": ("run", "trail run", "virtual run"),
    "SPORT_CYCLING": (
        *("ride", "virtual ride", "mountain bike ride", "gravel ride", "handcycle", "velomobile"),
    ),
    "SPORT_E_BIKING": ("e-bike ride", "e-mountain bike ride"),
    "SPORT_SWIMMING": ("swim",),
    "SPORT_WALKING": ("walk",),
    "SPORT_HIKING": ("hike", "snowshoe"),
    "SPORT_ROWING": ("rowing", "virtual rowing"),
    "SPORT_CROSS_COUNTRY_SKIING": ("nordic ski", "backcountry ski", "roller ski"),
    "SPORT_ALPINE_SKIING": ("alpine ski",),
    "SPORT_SNOWBOARDING": ("snowboard",),
    "SPORT_PADDLING": ("canoe", "canoeing", "kayaking", "stand up paddling"),
    "SPORT_INLINE_SKATING": ("inline skate",),
    "SPORT_ICE_SKATING": ("ice skate",),
    "SPORT_STRENGTH_TRAINING": ("weight training", "crossfit"),
    "SPORT_FITNESS_EQUIPMENT": ("elliptical", "stair-stepper"),
    "SPORT_TENNIS": ("tennis",),
    "SPORT_SOCCER": ("soccer", "football (soccer)"),
    "SPORT_CLIMBING": ("rock climb", "rock climbing"),
}
_SPORT_OF_TYPE: Mapping[str, str] = {
    name.replace(" ", ""): sport for sport, names in _SPORTS.items() for name in names
}


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where in a row things stand; -1 where they do not."""

    activity_id: int
    date: int
    name: int
    type: int
    description: int
    private_note: int
    gear: int
    file_name: int


def activities(content: bytes) -> list[Hint]:
    """The activities of an `activities.csv`, those without a file included."""
    rows = _rows(content)
    if not rows:
        return []
    columns = _columns(rows[0], rows[1:])
    hints = [] if columns is None else [_hint(row, columns) for row in rows[1:]]
    return [hint for hint in hints if hint.file_name or hint.activity_id or hint.start_ms]


def comments(content: bytes) -> list[Hint]:
    """Comments by the number of their activity, where the table says which that is."""
    rows = _rows(content)
    header = [name.strip().lower() for name in rows[0]] if rows else []
    activity = next((at for at, name in enumerate(header) if "activity" in name and "id" in name), None)
    text = next(
        (at for at, name in enumerate(header) if name in ("comment", "content", "comment content", "text")),
        None,
    )
    if activity is None or text is None:
        return []
    return [
        Hint(activity_id=_cell(row, activity), notes=f"Comment: {_cell(row, text)}")
        for row in rows[1:]
        if _cell(row, activity) and _cell(row, text)
    ]


def _rows(content: bytes) -> list[list[str]]:
    csv.field_size_limit(_FIELD_LIMIT)
    rows: list[list[str]] = []
    # What comes before a damaged line is kept.
    with contextlib.suppress(csv.Error):
        for row in csv.reader(io.StringIO(_text(content), newline="")):
            if row:
                rows.append(row)
    return rows


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> _Columns | None:
    names = [name.strip().lower().removeprefix("activity ") for name in header]
    if "filename" in names:
        found = {name: at for at, name in reversed(list(enumerate(names)))}
        wanted = ("id", "date", "name", "type", "description", "private note", "gear", "filename")
        return _Columns(*(found.get(name, -1) for name in wanted))
    at = _file_column(rows)
    if at is None or at < 5:
        return None
    return _Columns(0, 1, 2, 3, 4, at - 2 if at >= _WITH_PRIVATE_NOTE else -1, at - 1, at)


def _file_column(rows: Sequence[Sequence[str]]) -> int | None:
    """The column with the most names of device files."""
    counts: dict[int, int] = {}
    for row in rows:
        for at, cell in enumerate(row):
            if _FILE_NAME.match(cell):
                counts[at] = counts.get(at, 0) + 1
    return max(counts, key=lambda at: counts[at]) if counts else None


def _hint(row: Sequence[str], columns: _Columns) -> Hint:
    notes = [_cell(row, columns.description), _cell(row, columns.private_note)]
    return Hint(
        file_name=_cell(row, columns.file_name).replace("\\", "/").lower(),
        activity_id=_cell(row, columns.activity_id),
        start_ms=_start_ms(_cell(row, columns.date)),
        title=_cell(row, columns.name),
        notes="\n\n".join(note for note in notes if note),
        gear=_cell(row, columns.gear),
        sport=_SPORT_OF_TYPE.get(_cell(row, columns.type).lower().replace(" ", ""), ""),
    )


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip() if 0 <= at < len(row) else ""


def _start_ms(date: str) -> int:
    """In English exports only; dates are in UTC."""
    try:
        moment = datetime.strptime(" ".join(date.split()), _DATE).replace(tzinfo=UTC)
    except ValueError:
        return 0
    return round(moment.timestamp() * 1000)
