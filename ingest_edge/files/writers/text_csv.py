"""An activity as CSV: units in the head, full precision, empty where nothing was measured."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from ingest_edge.files.activity import Activity
from ingest_edge.files.writers.numbers import cells, heading
from ingest_edge.files.writers.table import ActivityTable, table_of

_ROWS_PER_BLOCK = 4096


def write_csv(activity: Activity) -> Iterator[bytes]:
    """The table, block by block: `time` (ISO 8601, UTC), `elapsed_s`, a column a channel, `marker`.

    `elapsed_s` counts from the first row. The marker column is there only where there is a marker.
    """
    table = table_of(activity)
    channels = list(table.samples.columns)
    head = ["time", "elapsed_s", *(heading(channel) for channel in channels)]
    if table.markers is not None:
        head.append("marker")
    yield (",".join(head) + "\n").encode()
    for first in range(0, len(table), _ROWS_PER_BLOCK):
        yield _block(table, channels, slice(first, first + _ROWS_PER_BLOCK))


def _block(table: ActivityTable, channels: list[str], rows: slice) -> bytes:
    times = table.samples.time_ms[rows].tolist()
    start = int(table.samples.time_ms[0])
    columns = [[iso_time(time_ms) for time_ms in times], [_seconds(time_ms - start) for time_ms in times]]
    columns += [cells(table.samples, channel, rows) for channel in channels]
    if table.markers is not None:
        columns.append(table.markers[rows].tolist())
    return ("\n".join(",".join(line) for line in zip(*columns, strict=True)) + "\n").encode()


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")


def iso_time(time_ms: int) -> str:
    """A moment as ISO 8601 with milliseconds, in UTC: `2026-05-28T20:30:00.000Z`."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03}Z"
