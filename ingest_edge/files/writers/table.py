"""All that an activity measured as one table: what CSV and Parquet hold.

The rows of the record come as they are. Heart beats, and what a strap stored by itself, are rows of their own
between them, so that neither is rounded to the other's times; so are the markers. Nothing is lost but which
device measured what.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Activity, BoolArray, Int32Array, SampleTable


@dataclass(frozen=True)
class ActivityTable:
    """One row a moment, in the order of time.

    `samples` has every channel as a column. `markers` has a word for each row, empty where there is none; it
    is None where the activity has no marker at all.
    """

    samples: SampleTable
    markers: npt.NDArray[np.object_] | None

    def __len__(self) -> int:
        return len(self.samples)


def table_of(activity: Activity) -> ActivityTable:
    """The table of an activity."""
    tables = [table for table in activity.tables if len(table)]
    marker_ms = np.array([marker.time_ms for marker in activity.markers], np.int64)
    time_ms = np.concatenate([*(table.time_ms for table in tables), marker_ms])
    order = np.argsort(time_ms, kind="stable")
    columns: dict[str, Int32Array] = {}
    validity: dict[str, BoolArray | None] = {}
    for channel in _channels(tables):
        column, valid = _stacked(tables, channel, len(marker_ms))
        columns[channel] = column[order]
        validity[channel] = None if valid.all() else valid[order]
    samples = SampleTable("all", time_ms[order], columns, validity)
    return ActivityTable(samples, _markers(activity, len(time_ms), order))


def _channels(tables: list[SampleTable]) -> list[str]:
    """Every channel once, those of the record first."""
    return list(dict.fromkeys(channel for table in tables for channel in table.columns))


def _stacked(tables: list[SampleTable], channel: str, extra: int) -> tuple[Int32Array, BoolArray]:
    columns = [table.columns.get(channel, np.zeros(len(table), np.int32)) for table in tables]
    masks = [_mask(table, channel) for table in tables]
    columns.append(np.zeros(extra, np.int32))
    masks.append(np.zeros(extra, np.bool_))
    return np.concatenate(columns), np.concatenate(masks)


def _mask(table: SampleTable, channel: str) -> BoolArray:
    if channel not in table.columns:
        return np.zeros(len(table), np.bool_)
    valid = table.validity[channel]
    return np.ones(len(table), np.bool_) if valid is None else valid


def _markers(activity: Activity, rows: int, order: npt.NDArray[np.intp]) -> npt.NDArray[np.object_] | None:
    if not activity.markers:
        return None
    words = np.full(rows, "", np.object_)
    words[rows - len(activity.markers) :] = [marker.kind for marker in activity.markers]
    return np.asarray(words[order], np.object_)
