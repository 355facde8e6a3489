"""An activity as Parquet: the same table as CSV, typed, with what else is known in the metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.channels import SCALES, UNITS
from ingest_edge.files.writers.numbers import values
from ingest_edge.files.writers.table import table_of


def write_parquet(activity: Activity, *, title: str = "", notes: str = "") -> bytes:
    """The file: `time` (UTC, milliseconds), a column a channel in its unit, `marker`.

    Channels that count whole units are int32, all others float64; absent values are null. Each column's
    metadata has its `unit`. The schema's metadata has `pulsemesh`: a JSON object with title, notes, device,
    sessions, laps and lengths.
    """
    table = table_of(activity)
    samples = table.samples
    fields = [pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False)]
    arrays: list[Any] = [pa.array(samples.time_ms, pa.timestamp("ms", tz="UTC"))]
    for channel in samples.columns:
        fields.append(_field(channel))
        arrays.append(_array(samples, channel))
    if table.markers is not None:
        fields.append(pa.field("marker", pa.string()))
        arrays.append(pa.array([word or None for word in table.markers.tolist()], pa.string()))
    schema = pa.schema(fields, metadata={"pulsemesh": json.dumps(_about(activity, title, notes))})
    sink = io.BytesIO()
    parquet.write_table(pa.Table.from_arrays(arrays, schema=schema), sink, compression="zstd")
    return sink.getvalue()


def _field(channel: str) -> Any:
    kind = pa.int32() if SCALES[channel] == 1 else pa.float64()
    return pa.field(channel, kind, metadata={"unit": UNITS[channel], "scale": repr(SCALES[channel])})


def _array(samples: SampleTable, channel: str) -> Any:
    integers, valid = samples.columns[channel], samples.validity[channel]
    column = integers if SCALES[channel] == 1 else values(channel, integers)
    return pa.array(column, mask=None if valid is None else ~valid)


def _about(activity: Activity, title: str, notes: str) -> Mapping[str, Any]:
    return {
        "version": 1,
        "title": title,
        "notes": notes,
        "start_time_ms": activity.start_time_ms,
        "device": asdict(activity.device),
        "sessions": [asdict(session) for session in activity.sessions],
        "laps": [asdict(lap) for lap in activity.laps],
        "lengths": [asdict(length) for length in activity.lengths],
    }
