"""What is written is read back equal, within what the format can say."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ingest_edge.files.activity import Activity, DeviceIdentity, LapPart, Marker, SampleTable, SessionPart
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.native_decoder import NativeDecoder
from ingest_edge.files.tcx import read_tcx
from ingest_edge.files.writers import write_csv, write_gpx, write_tcx
from ingest_edge.files.writers.numbers import heading
from ingest_edge.files.writers.parquet import write_parquet

T0_MS = 1_750_000_000_000

XML_RANGES: dict[str, tuple[int, int, int]] = {
    "altitude": (-5000, 90_000, 1),
    "distance": (0, 2**31 - 1, 1),
    "speed": (0, 40_000, 1),
    "heart_rate": (30, 254, 1),
    "cadence": (0, 2540, 10),
    "power": (0, 60_000, 1),
    "temperature": (-400, 600, 1),
    "torque": (-(2**20), 2**20, 1),
    "left_power": (0, 200, 1),
    "respiration_rate": (0, 10_000, 1),
    "core_temperature": (0, 6000, 1),
}
"""Lowest and highest channel integer, and the step that the format can tell."""


def channel_columns(
    draw: st.DrawFn, ranges: dict[str, tuple[int, int, int]], size: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns, validity = {}, {}
    for channel in sorted(draw(st.sets(st.sampled_from(sorted(ranges)), min_size=1))):
        lowest, highest, step = ranges[channel]
        valid = generator.random(size) < draw(st.sampled_from([0.5, 1.0]))
        if valid.any():
            values = generator.integers(lowest // step, highest // step + 1, size) * step
            columns[channel] = np.where(valid, values, 0).astype(np.int32)
            validity[channel] = None if valid.all() else valid
    return columns, validity


def activity_of(table: SampleTable, sport: str = "SPORT_CYCLING", markers: Any = ()) -> Activity:
    end_ms = int(table.time_ms[-1])
    seconds = (end_ms - T0_MS) / 1000
    session = SessionPart(sport, "SUB_SPORT_UNSPECIFIED", T0_MS, end_ms, seconds, seconds)
    device = DeviceIdentity(name="A & <B>")
    return Activity("activity", device, T0_MS, (session,), (), (), tuple(markers), (table,), ())


@st.composite
def tracks(draw: st.DrawFn) -> Activity:
    """Positions in every row, other channels here and there, times to the millisecond."""
    size = draw(st.integers(2, 60))
    columns, validity = channel_columns(draw, XML_RANGES, size)
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    columns["latitude"] = generator.integers(-(2**30), 2**30, size).astype(np.int32)
    columns["longitude"] = generator.integers(-(2**31) + 1, 2**31 - 1, size).astype(np.int32)
    validity["latitude"] = validity["longitude"] = None
    times = T0_MS + np.cumsum(generator.choice([1, 250, 1000, 7000], size)).astype(np.int64)
    return activity_of(
        SampleTable("record", times, columns, validity),
        draw(st.sampled_from(["SPORT_CYCLING", "SPORT_RUNNING"])),
    )


def present(table: SampleTable) -> dict[str, Any]:
    """Times and values, with None where there is none."""
    listed: dict[str, Any] = {"time": table.time_ms.tolist()}
    for channel, column in table.columns.items():
        valid = table.validity[channel]
        mask = np.ones(len(table), np.bool_) if valid is None else valid
        listed[channel] = [
            value if there else None for value, there in zip(column.tolist(), mask.tolist(), strict=True)
        ]
    return listed


def record(activity: Activity) -> SampleTable:
    table = activity.table("record")
    assert table is not None
    return table


@settings(max_examples=60, deadline=None)
@given(tracks())
def test_gpx_is_read_back_equal(activity: Activity) -> None:
    read = read_gpx(b"".join(write_gpx(activity, title="Über & unter", notes="<b>")))
    assert read.losses == ()
    assert present(record(read)) == present(record(activity))
    assert read.device.name == activity.device.name


@settings(max_examples=60, deadline=None)
@given(tracks())
def test_tcx_is_read_back_equal(activity: Activity) -> None:
    read = read_tcx(b"".join(write_tcx(activity, notes="]]>")))
    assert read.losses == ()
    assert present(record(read)) == present(record(activity))
    assert read.sessions[0].sport == activity.sessions[0].sport


@settings(max_examples=40, deadline=None)
@given(tracks())
def test_both_decoders_of_fit_read_what_was_written(activity: Activity) -> None:
    whole = record(activity)
    seconds = T0_MS + np.arange(len(whole), dtype=np.int64) * 1000
    content = write_activity(
        activity_of(SampleTable("record", seconds, whole.columns, whole.validity)), lenient=True
    )
    native, reference = NativeDecoder().decode(content), FitparseDecoder().decode(content)
    steps = {"altitude": 2, "temperature": 10, "left_power": 2}
    written, read = present(record(activity)), present(record(native))
    for channel in whole.columns:
        if channel == "torque":  # a developer field, which is not a channel when it is read
            continue
        limit = steps.get(channel, 1) / 2
        for before, after in zip(written[channel], read[channel], strict=True):
            assert before == after or abs(before - after) <= limit
    again = present(record(reference))
    for channel in again:
        assert again[channel] == read[channel]


@st.composite
def anything(draw: st.DrawFn) -> Activity:
    """All channels, beats at times of their own, markers."""
    size = draw(st.integers(1, 40))
    ranges = {
        channel: (-(2**31), 2**31 - 1, 1)
        for channel in SCALES
        if channel not in ("unspecified", "marker", "rr_interval")
    }
    columns, validity = channel_columns(draw, ranges, size)
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    times = T0_MS + np.cumsum(generator.integers(0, 3000, size)).astype(np.int64)
    beats = np.sort(T0_MS + generator.integers(0, 60_000, 5))
    intervals = {"rr_interval": generator.integers(300, 2000, 5).astype(np.int32)}
    markers = [Marker("pause", T0_MS + 5001), Marker("resume", T0_MS + 9000)][: draw(st.integers(0, 2))]
    activity = activity_of(SampleTable("record", times, columns, validity), markers=markers)
    return replace(
        activity, tables=(*activity.tables, SampleTable("rr", beats, intervals, {"rr_interval": None}))
    )


def rows_of(activity: Activity) -> list[tuple[int, str, int]]:
    """Every value as (time, channel, integer)."""
    return sorted(
        (time_ms, channel, value)
        for table in activity.tables
        for channel, values in present(table).items()
        if channel != "time"
        for time_ms, value in zip(table.time_ms.tolist(), values, strict=True)
        if value is not None
    )


@settings(max_examples=60, deadline=None)
@given(anything())
def test_csv_loses_no_value(activity: Activity) -> None:
    content = b"".join(write_csv(activity)).decode()
    read = []
    markers = []
    for row in csv.DictReader(io.StringIO(content)):
        time_ms = round(datetime.fromisoformat(row["time"]).timestamp() * 1000)
        for channel in SCALES.keys() - {"marker"}:
            if row.get(heading(channel)):
                read.append((time_ms, channel, round(float(row[heading(channel)]) * SCALES[channel])))
        if row.get("marker"):
            markers.append(Marker(row["marker"], time_ms))  # type: ignore[arg-type]
    assert sorted(read) == rows_of(activity)
    assert tuple(markers) == activity.markers


@settings(max_examples=60, deadline=None)
@given(anything())
def test_parquet_loses_no_value(activity: Activity) -> None:
    table = parquet.read_table(io.BytesIO(write_parquet(activity, title="Ride")))
    columns = table.to_pydict()
    times = [round(moment.timestamp() * 1000) for moment in columns["time"]]
    read = [
        (time_ms, channel, round(value * SCALES[channel]))
        for channel in columns.keys() & SCALES.keys() - {"marker"}
        for time_ms, value in zip(times, columns[channel], strict=True)
        if value is not None
    ]
    assert sorted(read) == rows_of(activity)
    assert [word for word in columns.get("marker", ()) if word] == [each.kind for each in activity.markers]
    assert json.loads(table.schema.metadata[b"pulsemesh"])["title"] == "Ride"


@pytest.mark.parametrize("write", [write_gpx, write_tcx])
def test_a_pause_parts_the_track(write: Any) -> None:
    columns = {
        "latitude": np.arange(60, dtype=np.int32) + 555_000_000,
        "longitude": np.arange(60, dtype=np.int32) + 88_000_000,
    }
    times = T0_MS + np.arange(60, dtype=np.int64) * 1000
    times[30:] += 300_000
    table = SampleTable("record", times, columns, dict.fromkeys(columns))
    markers = [Marker("pause", int(times[29]) + 500), Marker("resume", int(times[30]))]
    content = b"".join(write(activity_of(table, markers=markers)))
    read = read_gpx(content) if write is write_gpx else read_tcx(content)
    assert [marker.kind for marker in read.markers] == ["pause", "resume"]


@st.composite
def parts(draw: st.DrawFn) -> Activity:
    """Samples, sessions and laps that need not fit each other."""
    times = T0_MS + np.array(sorted(draw(st.lists(st.integers(0, 3000), min_size=1, max_size=40)))) * 1000
    columns = {"heart_rate": np.full(len(times), 120, np.int32)}
    activity = activity_of(SampleTable("record", times, columns, {"heart_rate": None}))
    spans = st.tuples(st.integers(-100, 3100), st.integers(0, 500))

    def made(span: tuple[int, int]) -> tuple[int, int, float, float]:
        return T0_MS + span[0] * 1000, T0_MS + sum(span) * 1000, float(span[1]), float(span[1])

    sessions = sorted(draw(st.lists(spans, min_size=1, max_size=4)))
    laps = sorted(draw(st.lists(spans, max_size=6)))
    return replace(
        activity,
        sessions=tuple(SessionPart("SPORT_RUNNING", "SUB_SPORT_TRAIL", *made(span)) for span in sessions),
        laps=tuple(LapPart(*made(span)) for span in laps),
        markers=tuple(Marker("resume", T0_MS + draw(st.integers(0, 3000)) * 1000) for _ in range(2)),
    )


@settings(max_examples=80, deadline=None)
@given(parts())
def test_tcx_has_every_sample_once_whatever_sessions_and_laps_say(activity: Activity) -> None:
    content = b"".join(write_tcx(activity))
    assert content.count(b"<Trackpoint>") == len(record(activity))
    assert content.count(b"<Activity ") == len(activity.sessions)
    assert content.count(b"<Lap ") >= max(len(activity.laps), 1)
    assert record(read_tcx(content)).time_ms.tolist() == record(activity).time_ms.tolist()


@settings(max_examples=40, deadline=None)
@given(parts())
def test_fit_has_every_sample_and_part_whatever_they_say(activity: Activity) -> None:
    read = NativeDecoder().decode(write_activity(activity, lenient=True))
    assert record(read).time_ms.tolist() == record(activity).time_ms.tolist()
    assert len(read.laps) == len(activity.laps)


def test_tcx_laps_come_back_with_their_numbers() -> None:
    columns = {"heart_rate": np.full(120, 140, np.int32), "distance": np.arange(120, dtype=np.int32) * 500}
    table = SampleTable(
        "record", T0_MS + np.arange(120, dtype=np.int64) * 1000, columns, dict.fromkeys(columns)
    )
    laps = tuple(
        LapPart(T0_MS + start * 1000, T0_MS + end * 1000, end - start, end - start, distance, "distance")
        for start, end, distance in ((0, 50, 250.0), (50, 119, 345.0))
    )
    read = read_tcx(b"".join(write_tcx(replace(activity_of(table), laps=laps))))
    assert [(lap.start_ms, lap.timer_s, lap.distance_m) for lap in read.laps] == [
        (lap.start_ms, lap.timer_s, lap.distance_m) for lap in laps
    ]
    assert [lap.trigger for lap in read.laps] == ["distance", "distance"]


def test_text_that_xml_cannot_carry_is_replaced() -> None:
    columns = {"latitude": np.array([1, 2], np.int32), "longitude": np.array([1, 2], np.int32)}
    table = SampleTable("record", np.array([T0_MS, T0_MS + 1000]), columns, dict.fromkeys(columns))
    content = b"".join(write_gpx(activity_of(table), title="bell \x07, \ud800, \ufffe"))
    assert content.decode().count("\N{REPLACEMENT CHARACTER}") == 3
    assert read_gpx(content).losses == ()
