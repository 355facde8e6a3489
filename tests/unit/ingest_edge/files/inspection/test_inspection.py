from __future__ import annotations

import json
import math

import numpy as np
import pytest

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.inspection import inspect_source
from ingest_edge.files.inspection.contents import FileContents, RecordColumn
from ingest_edge.files.inspection.report import CURVE_BINS, inspection_of
from ingest_edge.files.inspection.stillness import unix_ms
from ingest_edge.simulator.activities import pool_swim
from tests.unit.ingest_edge.files.gpx import making as gpx_making
from tests.unit.ingest_edge.files.tcx import making as tcx_making

START = 1_000_000_000


def column(values: list[object], rows: list[int] | None = None, unit: str = "") -> RecordColumn:
    numeric = all(isinstance(value, int | float) for value in values)
    array = np.array(values) if numeric else np.empty(len(values), dtype=object)
    if not numeric:
        array[:] = values
    return RecordColumn(array, np.arange(len(values)) if rows is None else np.array(rows), unit)


def contents(size: int, **columns: RecordColumn) -> FileContents:
    times = column([START + index for index in range(size)], unit="s")
    return FileContents("FIT activity", size, {"timestamp": times, **columns}, {"record_mesgs": size})


def test_neither_nan_nor_infinity_reaches_the_json() -> None:
    report = inspection_of(contents(3, odd=column([math.nan, 1.0, math.inf])))
    assert report.columns["odd"] == {"count": 3, "sum": None, "first": None, "last": None}
    json.dumps(report.to_json("x"), allow_nan=False)


def test_sums_of_large_integers_do_not_wrap() -> None:
    report = inspection_of(contents(4, big=column([2**62] * 4)))
    assert report.columns["big"]["sum"] == float(2**64)


def test_text_and_lists_are_counted_without_a_sum() -> None:
    report = inspection_of(contents(2, words=column(["a", "b"]), lists=column([[1, 2], [3, None]])))
    assert report.columns["words"] == {"count": 2, "sum": None, "first": "a", "last": "b"}
    assert report.columns["lists"]["last"] == [3, None]
    assert [channel.name for channel in report.channels] == []


def test_a_curve_is_as_long_as_there_are_records_but_no_longer_than_its_bins() -> None:
    short = inspection_of(contents(5, power=column([1, 2, 3, 4, 5])))
    long = inspection_of(contents(1000, power=column(list(range(1000)))))
    assert short.channels[0].curve == (1, 2, 3, 4, 5)
    assert len(long.channels[0].curve) == CURVE_BINS


def test_a_channel_has_its_range_and_blanks_where_it_is_silent() -> None:
    report = inspection_of(contents(4, power=column([100, 300], [0, 3])))
    (channel,) = report.channels
    assert (channel.count, channel.minimum, channel.mean, channel.maximum) == (2, 100, 200, 300)
    assert channel.curve == (100, None, None, 300)


def test_losses_make_a_file_read_in_part() -> None:
    broken = FileContents("FIT activity", 0, {}, {"file_id_mesgs": 1}, losses=[Loss(7, "cut off")])
    assert inspection_of(broken).readable == "part"


def test_a_gap_is_where_the_clock_ran_and_a_pause_where_it_stood() -> None:
    seconds = [*range(60), *range(200, 260), *range(400, 460)]
    events = [
        {"timestamp": START, "event": 0, "event_type": 0},
        {"timestamp": START + 59, "event": 0, "event_type": 4},
        {"timestamp": START + 200, "event": 0, "event_type": 0},
        {"timestamp": START + 460, "event": 0, "event_type": 4},
    ]
    found = FileContents(
        "FIT activity",
        len(seconds),
        {"timestamp": column([START + second for second in seconds])},
        {},
        {"event_mesgs": events},
    )
    report = inspection_of(found)
    assert [(pause.start_s - START, pause.end_s - START) for pause in report.pauses] == [(59, 200)]
    assert [(gap.start_s - START, gap.end_s - START) for gap in report.gaps] == [(259, 400)]


def test_a_time_since_power_on_is_no_moment() -> None:
    assert unix_ms(5000) is None
    assert unix_ms(START) == (START + 631_065_600) * 1000


def test_both_readers_report_a_sound_swim_alike() -> None:
    swim = write_activity(pool_swim(1, gpx_making.T0_MS))
    native, stock = inspect_source(swim, "native"), inspect_source(swim, "fitparse")
    assert stock.messages == native.messages
    assert stock.columns["heart_rate"] == native.columns["heart_rate"]
    assert native.kind == "FIT activity"


def test_fractions_of_a_second_survive_in_tracks() -> None:
    points = [gpx_making.point(0), gpx_making.point(1, time="2024-05-01T06:00:01.5Z")]
    report = inspect_source(gpx_making.gpx(gpx_making.track(gpx_making.segment(points))))
    assert report.columns["timestamp"]["last"] == 1_714_543_201.5 - 631_065_600


def test_laps_and_devices_of_tcx_are_reported() -> None:
    creator = "<Creator><Name>Edge</Name><UnitId>77</UnitId><ProductID>5</ProductID></Creator>"
    lap = tcx_making.lap(0, 5, tcx_making.trackpoints(range(5)), trigger="Distance")
    report = inspect_source(tcx_making.activities(tcx_making.activity(lap, more=creator)))
    assert report.laps[0]["lap_trigger"] == 2
    assert report.devices == [{"product_name": "Edge", "product": "5", "serial_number": 77}]


def test_what_no_reader_takes_raises() -> None:
    with pytest.raises(UnreadableFile, match="JSON"):
        inspect_source(b'{"a": 1}')
