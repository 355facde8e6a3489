"""The record's rows as track points: what GPX and TCX have in common."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.writers.numbers import texts

Cells = list[str | None]

CHANNELS_NAMESPACE = 'xmlns:pm="urn:pulsemesh:channels:1"'
"""Of the elements in which a channel goes that neither format has a place for: by its name, in its unit."""


def record_of(activity: Activity) -> SampleTable:
    """The device's main record; an empty table where there is none."""
    table = activity.table("record")
    return table if table is not None else SampleTable("record", np.empty(0, np.int64), {}, {})


def positioned(table: SampleTable) -> npt.NDArray[np.bool_]:
    """Which rows say where they are, shape (n,)."""
    return mask(table, "latitude") & mask(table, "longitude")


def mask(table: SampleTable, channel: str) -> npt.NDArray[np.bool_]:
    """Which rows hold a value of the channel, shape (n,)."""
    if channel not in table.columns:
        return np.zeros(len(table), np.bool_)
    valid = table.validity[channel]
    return np.ones(len(table), np.bool_) if valid is None else valid


def optional_texts(table: SampleTable, channel: str) -> Cells:
    """The channel's values as text, None where there is none."""
    if channel not in table.columns:
        return [None] * len(table)
    written = texts(channel, table.columns[channel])
    return [
        text if there else None for text, there in zip(written, mask(table, channel).tolist(), strict=True)
    ]


def optional_integers(table: SampleTable, channel: str, scale: float, limit: int) -> Cells:
    """The channel's values as whole numbers, None where there is none or where it is beyond 0 to `limit`."""
    if channel not in table.columns:
        return [None] * len(table)
    rounded = np.floor(table.columns[channel] / scale + 0.5).astype(np.int64)
    present = mask(table, channel) & (rounded >= 0) & (rounded <= limit)
    return [
        str(value) if there else None for value, there in zip(rounded.tolist(), present.tolist(), strict=True)
    ]


def extras(table: SampleTable, placed: frozenset[str]) -> list[str]:
    """For each row the elements of the channels that have no place of their own."""
    others = [channel for channel in table.columns if channel not in placed]
    if not others:
        return [""] * len(table)
    columns = [
        ["" if text is None else f"<pm:{channel}>{text}</pm:{channel}>" for text in texts_of]
        for channel, texts_of in ((channel, optional_texts(table, channel)) for channel in others)
    ]
    return ["".join(row) for row in zip(*columns, strict=True)]


def taken(table: SampleTable, rows: npt.NDArray[np.intp]) -> SampleTable:
    """The table at these rows."""
    return SampleTable(
        table.series,
        table.time_ms[rows],
        {channel: column[rows] for channel, column in table.columns.items()},
        {channel: None if valid is None else valid[rows] for channel, valid in table.validity.items()},
    )


def between_pauses(activity: Activity, time_ms: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Rows that follow each other without a pause: a new stretch begins where the clock was started again."""
    resumes = np.array([marker.time_ms for marker in activity.markers if marker.kind == "resume"], np.int64)
    stretch = np.searchsorted(np.sort(resumes), time_ms, side="right")
    edges = (np.flatnonzero(np.diff(stretch)) + 1).tolist()
    for first, end in zip([0, *edges], [*edges, len(time_ms)], strict=True):
        if end > first:
            yield slice(first, end)
