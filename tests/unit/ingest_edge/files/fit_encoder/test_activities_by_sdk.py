"""Written files as the official SDK reads them: a judge that knows nothing of our decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Stream

from ingest_edge.files.activity import Activity
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit_encoder import FileLayout, write_activity
from ingest_edge.files.fit_encoder.clock import fit_seconds
from ingest_edge.simulator.activities import fifty_minute_run, indoor_ride, pool_swim, triathlon

START_MS = 1_780_000_200_000


def read_by_sdk(content: bytes) -> dict[str, list[dict[str, Any]]]:
    assert Decoder(Stream.from_byte_array(bytearray(content))).check_integrity()
    return messages_of(content)


def messages_of(content: bytes) -> dict[str, list[dict[str, Any]]]:
    messages: Any
    messages, errors = Decoder(Stream.from_byte_array(bytearray(content))).read(
        convert_datetimes_to_dates=False, merge_heart_rates=False
    )
    assert errors == []
    return dict(messages)


@pytest.fixture(scope="module")
def running() -> Activity:
    return fifty_minute_run(5, START_MS)


@pytest.mark.parametrize(
    "layout",
    [
        FileLayout(),
        FileLayout(endian=">", header_size=12),
        FileLayout(plain_fields=True, record_local=11),
        FileLayout(redefine_every=97, flip_endian=True, header_checksum="zero"),
    ],
    ids=["little", "big", "plain", "redefined"],
)
def test_records_are_read_with_the_values_that_were_written(running: Activity, layout: FileLayout) -> None:
    # The SDK's integrity check refuses a zero header checksum, which the protocol allows.
    read = messages_of if layout.header_checksum == "zero" else read_by_sdk
    messages = read(write_activity(running, layout))
    table = running.table("record")
    assert table is not None
    rows = messages["record_mesgs"]
    assert [row["timestamp"] for row in rows] == [fit_seconds(int(time)) for time in table.time_ms]
    for field, channel in {
        "heart_rate": "heart_rate",
        "distance": "distance",
        "enhanced_speed": "speed",
        "enhanced_altitude": "altitude",
        "temperature": "temperature",
        "vertical_oscillation": "vertical_oscillation",
        "stance_time": "ground_contact_time",
    }.items():
        written = table.columns[channel] / SCALES[channel]
        np.testing.assert_allclose([row[field] for row in rows], written, atol=1e-6, err_msg=field)
    latitudes = [row["position_lat"] for row in rows]
    assert latitudes == table.columns["latitude"].tolist()
    strides = table.columns["stride_length"] / SCALES["stride_length"]
    np.testing.assert_allclose([row["step_length"] * 2 / 1000 for row in rows], strides, atol=1e-6)


def test_balance_is_read_as_the_right_leg_s_share() -> None:
    activity = indoor_ride(5, START_MS)
    table = activity.table("record")
    assert table is not None
    rows = read_by_sdk(write_activity(activity))["record_mesgs"]
    shares = [int(row["left_right_balance"]) & 0x7F for row in rows if "left_right_balance" in row]
    valid = table.validity["left_power"]
    left = table.columns["left_power"] if valid is None else table.columns["left_power"][valid]
    assert shares == (100 - left // 2).tolist()


def test_a_swim_has_lengths_strokes_and_the_pool_s_length() -> None:
    activity = pool_swim(5, START_MS)
    messages = read_by_sdk(write_activity(activity))
    (session,) = messages["session_mesgs"]
    assert (session["sport"], session["sub_sport"], session["pool_length"]) == (
        "swimming",
        "lap_swimming",
        25,
    )
    lengths = messages["length_mesgs"]
    assert [length["length_type"] == "active" for length in lengths] == [
        length.active for length in activity.lengths
    ]
    assert [length.get("swim_stroke") for length in lengths] == [length.stroke for length in activity.lengths]
    assert [length.get("total_strokes") for length in lengths] == [
        length.strokes for length in activity.lengths
    ]


def test_a_triathlon_has_five_sessions_and_says_so() -> None:
    messages = read_by_sdk(write_activity(triathlon(5, START_MS)))
    assert [session["sport"] for session in messages["session_mesgs"]] == [
        "swimming",
        "transition",
        "cycling",
        "transition",
        "running",
    ]
    assert messages["activity_mesgs"][0]["num_sessions"] == 5
    assert messages["activity_mesgs"][0]["type"] == "auto_multi_sport"
    assert messages["activity_mesgs"][0]["event"] == "activity"


def test_laps_and_totals_are_read_as_they_were_reported(running: Activity) -> None:
    messages = read_by_sdk(write_activity(running))
    assert [lap["total_distance"] for lap in messages["lap_mesgs"]] == [
        lap.distance_m for lap in running.laps
    ]
    session, reported = messages["session_mesgs"][0], running.sessions[0].reported
    assert session["total_calories"] == reported["calories_kcal"]
    assert session["avg_heart_rate"] == reported["avg_heart_rate_bpm"]
    assert session["enhanced_avg_speed"] == reported["avg_speed_mps"]
    assert session["total_ascent"] == reported["ascent_m"]
