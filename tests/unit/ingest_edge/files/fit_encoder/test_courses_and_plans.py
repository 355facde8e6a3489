from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from garmin_fit_sdk import Decoder, Stream

from ingest_edge.files.activity import SampleTable
from ingest_edge.files.fit_encoder import (
    Course,
    CoursePoint,
    Repeat,
    Step,
    WorkoutPlan,
    write_course,
    write_workout_plan,
)

START_MS = 1_780_000_200_000


def messages_of(content: bytes) -> Any:
    assert Decoder(Stream.from_byte_array(bytearray(content))).check_integrity()
    messages, errors = Decoder(Stream.from_byte_array(bytearray(content))).read(
        convert_datetimes_to_dates=False
    )
    assert errors == []
    return messages


def way(size: int = 50) -> SampleTable:
    rows = np.arange(size)
    columns = {
        "latitude": (555_000_000 + rows * 900).astype(np.int32),
        "longitude": (88_000_000 + rows * 1100).astype(np.int32),
        "altitude": (5000 + rows * 2).astype(np.int32),
        "distance": (rows * 1000).astype(np.int32),
    }
    return SampleTable("record", START_MS + rows.astype(np.int64) * 1000, columns, dict.fromkeys(columns))


def test_a_course_has_its_way_and_its_points() -> None:
    turn = CoursePoint(START_MS + 20_000, 555_018_000, 88_022_000, 200.0, "left", "Into the woods")
    content = write_course(Course("Round the lake", "SPORT_CYCLING", way(), (turn,)))
    messages = messages_of(content)
    assert messages["file_id_mesgs"][0]["type"] == "course"
    assert messages["course_mesgs"][0] == {"name": "Round the lake", "sport": "cycling"}
    rows = messages["record_mesgs"]
    assert [row["position_lat"] for row in rows] == way().columns["latitude"].tolist()
    assert [row["distance"] for row in rows] == (np.arange(50) * 10).tolist()
    assert messages["lap_mesgs"][0]["total_distance"] == 490
    point = messages["course_point_mesgs"][0]
    assert (point["type"], point["name"], point["distance"]) == ("left", "Into the woods", 200)
    assert [event["event_type"] for event in messages["event_mesgs"]] == ["start", "stop_disable_all"]


def test_a_course_without_positions_is_refused() -> None:
    table = SampleTable(
        "record", np.array([START_MS]), {"distance": np.array([0], np.int32)}, {"distance": None}
    )
    with pytest.raises(ValueError, match="latitude and longitude"):
        write_course(Course("", "SPORT_RUNNING", table))


def test_a_plan_has_its_steps_and_repeats_behind_what_they_repeat() -> None:
    plan = WorkoutPlan(
        "Four times eight minutes",
        "SPORT_CYCLING",
        [
            Step("time_s", 900, "heart_rate_bpm", 110, 140, "warmup", "Ease in"),
            Repeat(
                4,
                [
                    Step("time_s", 480, "power_w", 240, 260, "interval"),
                    Step("distance_m", 1500, intensity="rest"),
                ],
            ),
            Step("energy_kcal", 50, "cadence_rpm", 85, 95),
            Step("time_s", 60, "speed_mps", 2.5, 3.25, "cooldown"),
        ],
    )
    messages = messages_of(write_workout_plan(plan))
    assert messages["workout_mesgs"][0]["num_valid_steps"] == 6
    warm_up, work, rest, repeat, burn, cool_down = messages["workout_step_mesgs"]
    assert (warm_up["duration_time"], warm_up["wkt_step_name"]) == (900, "Ease in")
    # Beats are above 100 where they are no percentage, watts above 1000.
    assert (warm_up["custom_target_heart_rate_low"], warm_up["custom_target_heart_rate_high"]) == (210, 240)
    assert (work["custom_target_power_low"], work["custom_target_power_high"]) == (1240, 1260)
    assert (rest["duration_distance"], rest["target_type"]) == (1500, "open")
    assert repeat["duration_type"] == "repeat_until_steps_cmplt"
    assert (repeat["duration_step"], repeat["repeat_steps"]) == (1, 4)
    assert (burn["duration_calories"], burn["custom_target_cadence_low"]) == (50, 85)
    assert (cool_down["custom_target_speed_low"], cool_down["custom_target_speed_high"]) == (2.5, 3.25)


def test_repeats_in_repeats_count_their_steps_from_the_whole() -> None:
    inner = Repeat(3, [Step("time_s", 30), Step("time_s", 15)])
    plan = WorkoutPlan("Sets", "SPORT_RUNNING", [Step(), Repeat(2, [inner, Step("time_s", 300)])])
    steps = messages_of(write_workout_plan(plan))["workout_step_mesgs"]
    assert [step.get("duration_step") for step in steps] == [None, None, None, 1, None, 1]


@pytest.mark.parametrize("steps", [[], [Repeat(0, [Step()])], [Step("time_s", 1, "power_w", 300, 200)]])
def test_a_plan_that_cannot_be_done_is_refused(steps: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"steps|nothing|repeat"):
        write_workout_plan(WorkoutPlan("", "SPORT_RUNNING", steps))
