from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ingest_edge.files.activity import Activity
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.simulator.activities import (
    fifty_minute_run,
    indoor_ride,
    pool_swim,
    three_hour_ride,
    triathlon,
    write_sample_folder,
)

START_MS = 1_780_000_200_000


@pytest.fixture(scope="module")
def long_ride() -> Activity:
    return three_hour_ride(11, START_MS)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = (write_activity(pool_swim(seed, START_MS)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_long_ride_lasts_three_hours_with_power_position_and_beats(long_ride: Activity) -> None:
    (session,) = long_ride.sessions
    records, beats = long_ride.table("record"), long_ride.table("rr")
    assert session.elapsed_s == 3 * 3600
    assert session.timer_s == 3 * 3600 - 225
    assert records is not None
    assert {"power", "latitude", "altitude", "heart_rate", "left_power"} <= records.columns.keys()
    assert [marker.kind for marker in long_ride.markers].count("pause") == 2
    assert beats is not None
    assert len(beats) > 20_000


def test_the_heart_answers_to_the_intervals_of_the_long_ride(long_ride: Activity) -> None:
    table = long_ride.table("record")
    assert table is not None
    seconds = (table.time_ms - START_MS) // 1000
    heart_rate = table.columns["heart_rate"]
    hard = heart_rate[(seconds > 2600) & (seconds < 2880)].mean()
    easy = heart_rate[(seconds > 3000) & (seconds < 3120)].mean()
    assert hard > easy + 15


def test_every_sample_activity_is_read_back_as_it_was_made(long_ride: Activity) -> None:
    for made in (long_ride, triathlon(4, START_MS), indoor_ride(4, START_MS)):
        read = FitparseDecoder().decode(write_activity(made))
        records, expected = read.table("record"), made.table("record")
        assert records is not None
        assert expected is not None
        assert records.time_ms.tolist() == expected.time_ms.tolist()
        for channel, column in expected.columns.items():
            np.testing.assert_array_equal(records.columns[channel], column, err_msg=channel)
        assert (read.sessions, read.laps, read.lengths) == (made.sessions, made.laps, made.lengths)
        assert (read.markers, read.device, read.losses) == (made.markers, made.device, ())


def test_beats_are_read_back_near_where_they_were(long_ride: Activity) -> None:
    read, made = FitparseDecoder().decode(write_activity(long_ride)).table("rr"), long_ride.table("rr")
    assert read is not None
    assert made is not None
    assert np.abs(read.columns["rr_interval"] - made.columns["rr_interval"]).max() <= 1
    assert np.abs(read.time_ms - made.time_ms).max() < 10_000


def test_indoors_there_is_neither_position_nor_height() -> None:
    table = indoor_ride(4, START_MS).table("record")
    assert table is not None
    assert not {"latitude", "longitude", "altitude"} & table.columns.keys()


def test_a_swim_covers_its_lengths() -> None:
    activity = pool_swim(4, START_MS)
    active = [length for length in activity.lengths if length.active]
    assert activity.sessions[0].distance_m == len(active) * 25
    assert all(length.strokes for length in active)
    laps_m = sum(lap.distance_m or 0 for lap in activity.laps)
    assert laps_m == pytest.approx(activity.sessions[0].distance_m)


def test_the_sample_folder_holds_six_files_one_of_them_cut_off(tmp_path: Path) -> None:
    files = write_sample_folder(tmp_path / "samples", 7, date(2026, 5, 4))
    assert [file.name for file in files] == [
        "three-hour-ride.fit",
        "morning-run.fit",
        "pool-swim.fit",
        "indoor-ride.fit",
        "cut-off-ride.fit",
        "same-run-faster.fit",
    ]
    outcomes = [FitparseDecoder().decode(file) for file in files]
    assert [bool(activity.losses) for activity in outcomes] == [False, False, False, False, True, False]
    assert [activity.sessions[0].sport for activity in outcomes] == [
        "SPORT_CYCLING",
        "SPORT_RUNNING",
        "SPORT_SWIMMING",
        "SPORT_CYCLING",
        "SPORT_CYCLING",
        "SPORT_RUNNING",
    ]


def test_the_same_run_on_another_day_goes_the_same_way_faster() -> None:
    first, again = fifty_minute_run(7, 0), fifty_minute_run(7, 0, effort=1.04, day=1)
    before, after = first.table("record"), again.table("record")
    assert before is not None
    assert after is not None
    assert abs(int(before.columns["latitude"][0]) - int(after.columns["latitude"][0])) < 2_000
    assert after.columns["distance"][-1] > before.columns["distance"][-1]
    assert not np.array_equal(before.columns["heart_rate"], after.columns["heart_rate"])
