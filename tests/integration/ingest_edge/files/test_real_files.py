"""Real device files, compared with what the official SDK reads from them."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest_edge.files.activity import Activity, BoolArray, SampleTable
from ingest_edge.files.channels import SCALES
from ingest_edge.files.decoder import Decoder, NotAnActivity, UnreadableFile
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.native_decoder import NativeDecoder

FOLDER = Path(__file__).parents[4] / ".." / "shared" / "fit"
EXPECTED_FILE = FOLDER / "expected.json"

pytestmark = pytest.mark.skipif(not EXPECTED_FILE.exists(), reason="the real files are not here")

EXPECTED: dict[str, Any] = json.loads(EXPECTED_FILE.read_text()) if EXPECTED_FILE.exists() else {}
UNIX_TIME_OF_FIT_EPOCH_S = 631_065_600

CHANNELS = {
    "altitude": "altitude",
    "enhanced_altitude": "altitude",
    "distance": "distance",
    "speed": "speed",
    "enhanced_speed": "speed",
    "heart_rate": "heart_rate",
    "cadence": "cadence",
    "power": "power",
    "temperature": "temperature",
    "position_lat": "latitude",
    "position_long": "longitude",
}

OTHER_KINDS = {
    "dtcooper__python-fitparse/MonitoringFile.fit": "monitoring",
    "dtcooper__python-fitparse/Settings2.fit": "settings",
    "dtcooper__python-fitparse/WeightScaleMultiUser.fit": "weight",
    "dtcooper__python-fitparse/WorkoutCustomTargetValues.fit": "workout plan",
}

DIFFERENCES = {
    "dtcooper__python-fitparse/compressed-speed-distance.fit": (
        "the SDK refuses compressed timestamps and reads no record; here there are 755"
    ),
    "dtcooper__python-fitparse/strava-android-app-201.10-b1218918.fit": (
        "the last record before the damage is garbage, decades away from the others; it is dropped here"
    ),
}


Decoded = dict[str, Activity | UnreadableFile]


@pytest.fixture(scope="module", params=[NativeDecoder(), FitparseDecoder()], ids=lambda decoder: decoder.name)
def decoded(request: pytest.FixtureRequest) -> Decoded:
    return decoded_by(request.param)


@cache
def decoded_by(decoder: Decoder) -> Decoded:
    outcomes: Decoded = {}
    for name in EXPECTED:
        try:
            outcomes[name] = decoder.decode(FOLDER / name)
        except UnreadableFile as error:
            outcomes[name] = error
    return outcomes


def differences(table: SampleTable, expected: dict[str, Any]) -> list[str]:
    """One line for each figure that is not the SDK's."""
    found = []
    if len(table) != expected["records"]:
        found.append(f"records: {len(table)}, the SDK has {expected['records']}")
    for field, figures in expected["columns"].items():
        count, total = figures_of(table, field)
        if count != figures["count"] or abs(total - figures["sum"]) > 1e-9 * abs(figures["sum"]) + 1e-3:
            found.append(f"{field}: {count} values, sum {total}; the SDK has {figures}")
    return found


def figures_of(table: SampleTable, field: str) -> tuple[int, float]:
    """How many values a column has and their sum, in the SDK's unit for that field."""
    if field == "timestamp":
        seconds = table.time_ms // 1000 - UNIX_TIME_OF_FIT_EPOCH_S
        return len(table), float(seconds.sum())
    channel = CHANNELS[field]
    values = table.columns[channel].astype(np.int64)
    if channel == "cadence":
        # Ours includes fractional_cadence, which the SDK keeps apart.
        values = values // 10 * 10
    scale = 1.0 if channel in ("latitude", "longitude") else SCALES[channel]
    return table.count(channel), float(values.sum()) / scale


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in OTHER_KINDS])
def test_an_activity_is_read_as_the_official_sdk_reads_it(decoded: Decoded, name: str) -> None:
    activity = decoded[name]
    assert isinstance(activity, Activity)
    table = activity.table("record")
    assert table is not None
    found = differences(table, EXPECTED[name])
    for line in found:
        print(f"{name}: {line}")
    if name in DIFFERENCES:
        assert found, "this file is listed as an exception and is none"
    else:
        assert found == []


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in OTHER_KINDS])
def test_the_sessions_are_those_that_the_official_sdk_reads(decoded: Decoded, name: str) -> None:
    activity = decoded[name]
    assert isinstance(activity, Activity)
    expected = sorted(EXPECTED[name]["sessions"], key=lambda session: session["start_time"])
    own = [session for session in activity.sessions if not session.derived]
    assert len(own) == len(expected)
    for session, theirs in zip(own, expected, strict=True):
        if "total_distance" in theirs:
            assert session.distance_m == pytest.approx(theirs["total_distance"])
        if "total_timer_time" in theirs:
            assert session.timer_s == pytest.approx(theirs["total_timer_time"])
        if "avg_heart_rate" in theirs:
            assert session.reported["avg_heart_rate_bpm"] == theirs["avg_heart_rate"]
        if "total_ascent" in theirs:
            assert session.reported["ascent_m"] == theirs["total_ascent"]


@pytest.mark.parametrize(("name", "kind"), OTHER_KINDS.items())
def test_a_file_of_another_kind_is_named(decoded: Decoded, name: str, kind: str) -> None:
    error = decoded[name]
    assert isinstance(error, NotAnActivity)
    assert error.file_kind == kind


def test_a_watch_whose_clock_was_never_set_is_placed_by_its_local_time(
    decoded: Decoded,
) -> None:
    activity = decoded["dtcooper__python-fitparse/compressed-speed-distance.fit"]
    assert isinstance(activity, Activity)
    table = activity.table("record")
    assert table is not None
    assert len(table) == 755
    assert activity.sessions[0].distance_m == 10_248.67
    # Compressed distances wrap every 256 m; added up they agree with the device's own total.
    assert table.columns["distance"].max() / SCALES["distance"] == pytest.approx(10_248.67, abs=0.1)
    assert any("clock was not set" in loss.reason for loss in activity.losses)


def test_a_pool_swim_has_its_lengths_and_the_heart_rate_that_the_strap_stored(
    decoded: Decoded,
) -> None:
    activity = decoded["thomaschampagne__elevate/spiros-02.fit"]
    assert isinstance(activity, Activity)
    session, stored = activity.sessions[0], activity.table("hr")
    assert (session.sport, session.sub_sport) == ("SPORT_SWIMMING", "SUB_SPORT_LAP_SWIMMING")
    assert session.pool_length_m
    assert sum(length.active for length in activity.lengths) * session.pool_length_m == session.distance_m
    assert stored is not None
    assert len(stored) > 1000
    # The strap went on minutes before the start; what it stored then is no part of the swim.
    assert session.start_ms <= stored.time_ms[0] < session.start_ms + 5000
    assert stored.time_ms[-1] <= session.end_ms


def test_beats_of_a_long_run_lie_within_it_and_agree_with_its_heart_rate(
    decoded: Decoded,
) -> None:
    activity = decoded["thomaschampagne__elevate/loup-blanc.fit"]
    assert isinstance(activity, Activity)
    beats, session = activity.table("rr"), activity.sessions[0]
    assert beats is not None
    assert beats.time_ms[0] >= session.start_ms - 5000
    assert beats.time_ms[-1] <= session.end_ms + 60_000
    median_rate = 60 * SCALES["rr_interval"] / float(np.median(beats.columns["rr_interval"]))
    assert median_rate == pytest.approx(session.reported["avg_heart_rate_bpm"], rel=0.1)


@pytest.mark.parametrize("name", list(EXPECTED))
def test_both_decoders_read_the_same(name: str) -> None:
    ours, reference = (decoded_by(decoder)[name] for decoder in (NativeDecoder(), FitparseDecoder()))
    if isinstance(ours, UnreadableFile) or isinstance(reference, UnreadableFile):
        assert repr(ours) == repr(reference)
        return
    assert replace(ours, tables=()) == replace(reference, tables=())
    assert [table.series for table in ours.tables] == [table.series for table in reference.tables]
    for table, other in zip(ours.tables, reference.tables, strict=True):
        assert np.array_equal(table.time_ms, other.time_ms)
        assert table.columns.keys() == other.columns.keys()
        for channel, column in table.columns.items():
            assert np.array_equal(column, other.columns[channel]), channel
            assert_equal_validity(table.validity[channel], other.validity[channel])


def assert_equal_validity(ours: BoolArray | None, other: BoolArray | None) -> None:
    assert (ours is None) == (other is None)
    if ours is not None and other is not None:
        assert np.array_equal(ours, other)
