"""From gathered points to the `record` table, with what had to be dropped on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray, Int32Array, Int64Array, Loss, SampleTable
from ingest_edge.files.channels import SCALES
from ingest_edge.files.track_points import TIME, PointColumns
from ingest_edge.files.track_values import Float64Array

_INT32 = np.iinfo(np.int32)
_FAR_MS = 31 * 86_400_000
"""A point this far from the middle one is a slip of a clock, not part of the activity."""

_WHAT = {TIME: "times", "latitude": "latitudes", "longitude": "longitudes"}


@dataclass(frozen=True)
class PlacedPoints:
    """`table` in the order of time; `time_ms` by row of the file, NaN for points that were left out."""

    table: SampleTable
    time_ms: Float64Array

    def span(self, start_row: int, end_row: int) -> tuple[int, int] | None:
        """The first and the last time of some rows of the file; None where none of them was kept."""
        times = self.time_ms[start_row:end_row]
        times = times[~np.isnan(times)]
        return (int(times.min()), int(times.max())) if len(times) else None


def placed_points(
    columns: PointColumns, losses: list[Loss], wanted: BoolArray | None = None
) -> PlacedPoints | None:
    """The points that have a time, as a table; None where there is none. What was lost joins `losses`.

    `wanted`, of shape (n,), leaves points out without a word. Positions off the globe, and values that the
    channel's 32 bits cannot hold, are lost alone; the rest of their point is kept.
    """
    _report_texts(columns, losses)
    time_ms = columns.spread(TIME)
    if wanted is not None:
        time_ms[~wanted] = np.nan
    _drop_untimed(time_ms, wanted, losses)
    keep = ~np.isnan(time_ms)
    if not keep.any():
        return None
    kept_ms = time_ms[keep].astype(np.int64)
    order = _order(kept_ms, losses)
    rows = np.flatnonzero(keep)
    rows = rows if order is None else rows[order]
    table_columns, validity = _channel_columns(columns, rows, losses)
    table_ms = kept_ms if order is None else kept_ms[order]
    return PlacedPoints(SampleTable("record", table_ms, table_columns, validity), time_ms)


def _report_texts(columns: PointColumns, losses: list[Loss]) -> None:
    for name, count in columns.garbage().items():
        what = _WHAT.get(name, f"values of {name}")
        losses.append(Loss(None, f"{count} {what} cannot be read"))
    if columns.without_zone:
        losses.append(Loss(None, f"{columns.without_zone} times have no zone: taken as UTC"))


def _drop_untimed(time_ms: Float64Array, wanted: BoolArray | None, losses: list[Loss]) -> None:
    """Report points without a time, and remove those that are weeks away from the others."""
    untimed = np.isnan(time_ms)
    if wanted is not None:
        untimed &= wanted
    timed = time_ms[~np.isnan(time_ms)]
    if not len(timed):
        return
    if untimed.any():
        losses.append(Loss(None, f"{np.count_nonzero(untimed)} points without a usable time were dropped"))
    far = np.abs(time_ms - np.median(timed)) > _FAR_MS
    if far.any():
        losses.append(Loss(None, f"{np.count_nonzero(far)} points weeks away from the others were dropped"))
        time_ms[far] = np.nan


def _order(time_ms: Int64Array, losses: list[Loss]) -> npt.NDArray[np.int64] | None:
    """The permutation that makes time run forward, or None where it does."""
    backward = np.diff(time_ms) < 0
    if not backward.any():
        return None
    count = int(np.count_nonzero(backward))
    losses.append(Loss(None, f"time runs backward {count} times: the points were put in order"))
    return np.argsort(time_ms, kind="stable").astype(np.int64)


def _channel_columns(
    columns: PointColumns, rows: npt.NDArray[np.int64], losses: list[Loss]
) -> tuple[Mapping[str, Int32Array], Mapping[str, BoolArray | None]]:
    integers: dict[str, Int32Array] = {}
    validity: dict[str, BoolArray | None] = {}
    off_globe = _off_globe(columns, rows, losses)
    for name in columns.fields:
        if name == TIME:
            continue
        values = columns.spread(name)[rows]
        if name in ("latitude", "longitude") and off_globe is not None:
            values[off_globe] = np.nan
        column, valid = _integers(name, values, losses)
        if valid.any():
            integers[name] = column
            validity[name] = None if valid.all() else valid
    return integers, validity


def _off_globe(columns: PointColumns, rows: npt.NDArray[np.int64], losses: list[Loss]) -> BoolArray | None:
    """Where a position is none: one half is missing, or beyond the poles or the date line."""
    latitude, longitude = columns.spread("latitude")[rows], columns.spread("longitude")[rows]
    present = ~(np.isnan(latitude) & np.isnan(longitude))
    sound = (np.abs(latitude) <= 90) & (np.abs(longitude) <= 180)
    bad = present & ~sound
    if not bad.any():
        return None
    losses.append(Loss(None, f"{np.count_nonzero(bad)} positions are not on the globe"))
    return np.asarray(bad, dtype=np.bool_)


def _integers(name: str, values: Float64Array, losses: list[Loss]) -> tuple[Int32Array, BoolArray]:
    """Values on the channel's scale as int32, 0 where there is none, and where there is one."""
    scaled = np.rint(values * SCALES[name])
    if name == "longitude":
        # The date line is one line: 180 degrees east is 180 degrees west, which alone 32 bits can say.
        scaled[scaled == -float(_INT32.min)] = _INT32.min
    outside = (scaled < _INT32.min) | (scaled > _INT32.max)
    if outside.any():
        losses.append(Loss(None, f"{np.count_nonzero(outside)} values of {name} are beyond 32 bits"))
        scaled[outside] = np.nan
    valid = ~np.isnan(scaled)
    return np.where(valid, scaled, 0).astype(np.int32), valid
