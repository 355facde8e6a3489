from __future__ import annotations

import pickle

import pytest

from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.tcx import TcxDecoder, read_tcx
from tests.unit.ingest_edge.files.gpx.making import T0_MS, iso
from tests.unit.ingest_edge.files.gpx.test_gpx import channel, record
from tests.unit.ingest_edge.files.tcx.making import activities, activity, lap, tcx, trackpoints


def test_points_come_on_the_channels_scales() -> None:
    inner = "<HeartRateBpm><Value>140</Value></HeartRateBpm><Cadence>85</Cadence>"
    found = read_tcx(activities(activity(lap(0, 3, trackpoints(range(3), inner)))))
    assert record(found).time_ms.tolist() == [T0_MS, T0_MS + 1000, T0_MS + 2000]
    assert channel(found, "altitude") == [1002] * 3
    assert channel(found, "distance") == [0, 300, 600]
    assert channel(found, "heart_rate") == [140] * 3
    assert channel(found, "cadence") == [850] * 3
    assert found.losses == ()


@pytest.mark.parametrize("prefix", ["", "ns3:", "x:"])
def test_the_activity_extension_is_read_under_any_prefix(prefix: str) -> None:
    inner = (
        f"<Extensions><{prefix}TPX CadenceSensor='Footpod'><{prefix}Speed>3.25</{prefix}Speed>"
        f"<{prefix}RunCadence>81</{prefix}RunCadence><{prefix}Watts>233</{prefix}Watts></{prefix}TPX></Extensions>"
    )
    found = read_tcx(activities(activity(lap(0, 3, trackpoints(range(3), inner)), sport="Running")))
    assert channel(found, "speed") == [3250] * 3
    assert channel(found, "cadence") == [810] * 3
    assert channel(found, "power") == [233] * 3


def test_laps_keep_what_the_device_reported() -> None:
    more = (
        "<MaximumSpeed>5.5</MaximumSpeed><Calories>20</Calories>"
        "<AverageHeartRateBpm><Value>130</Value></AverageHeartRateBpm>"
        "<MaximumHeartRateBpm><Value>150</Value></MaximumHeartRateBpm><Cadence>80</Cadence>"
        "<Extensions><LX><AvgWatts>200</AvgWatts><MaxWatts>400</MaxWatts></LX></Extensions>"
    )
    first = lap(0, 10, trackpoints(range(10)), more=more, trigger="Distance")
    second = lap(10, 10, trackpoints(range(10, 20)), more=more.replace("150", "155"))
    found = read_tcx(activities(activity(first, second)))
    assert [(part.start_ms - T0_MS, part.end_ms - T0_MS, part.trigger) for part in found.laps] == [
        (0, 10_000, "distance"),
        (10_000, 20_000, "manual"),
    ]
    assert dict(found.laps[0].reported) == {
        "calories_kcal": 20,
        "max_speed_mps": 5.5,
        "avg_heart_rate_bpm": 130,
        "max_heart_rate_bpm": 150,
        "avg_cadence_rpm": 80,
        "avg_power_w": 200,
        "max_power_w": 400,
        "intensity": 0,
    }
    (session,) = found.sessions
    assert (session.timer_s, session.distance_m, session.derived) == (20, 60, False)
    assert session.reported["calories_kcal"] == 40
    assert session.reported["max_heart_rate_bpm"] == 155


def test_a_resting_lap_is_told_apart() -> None:
    resting = lap(0, 10, trackpoints(range(10))).replace(">Active<", ">Resting<")
    assert read_tcx(activities(activity(resting))).laps[0].reported["intensity"] == 1


def test_a_new_track_within_a_lap_is_a_pause() -> None:
    found = read_tcx(activities(activity(lap(0, 10, trackpoints(range(5)), trackpoints(range(100, 106))))))
    pauses = [(marker.kind, marker.time_ms - T0_MS) for marker in found.markers]
    assert pauses == [("pause", 4000), ("resume", 100_000)]


def test_a_new_lap_is_no_pause() -> None:
    laps = lap(0, 5, trackpoints(range(5))), lap(5, 5, trackpoints(range(5, 10)))
    assert [marker.kind for marker in read_tcx(activities(activity(*laps))).markers] == ["lap"]


def test_a_stop_that_ends_with_a_new_lap_is_a_pause() -> None:
    laps = lap(0, 5, trackpoints(range(5))), lap(300, 5, trackpoints(range(300, 305)))
    found = read_tcx(activities(activity(*laps)))
    kinds = [(marker.kind, marker.time_ms - T0_MS) for marker in found.markers]
    assert ("pause", 4000) in kinds
    assert ("resume", 300_000) in kinds


def test_a_multisport_session_has_a_session_for_each_sport_and_transition() -> None:
    run = activity(lap(0, 10, trackpoints(range(10))), sport="Running")
    ride = activity(lap(30, 10, trackpoints(range(30, 40))), sport="Biking").replace(
        iso(T0_MS), iso(T0_MS + 30_000), 1
    )
    change = (
        f'<Transition StartTime="{iso(T0_MS + 10_000)}"><TotalTimeSeconds>20</TotalTimeSeconds>'
        "<DistanceMeters>0</DistanceMeters><Calories>1</Calories><Intensity>Active</Intensity>"
        f"<TriggerMethod>Manual</TriggerMethod>{trackpoints(range(12, 20))}</Transition>"
    )
    body = (
        f"<Activities><MultiSportSession><Id>{iso(T0_MS)}</Id><FirstSport>{run}</FirstSport>"
        f"<NextSport>{change}{ride}</NextSport></MultiSportSession></Activities>"
    )
    found = read_tcx(tcx(body))
    assert [(part.sport, (part.start_ms - T0_MS) // 1000) for part in found.sessions] == [
        ("SPORT_RUNNING", 0),
        ("SPORT_TRANSITION", 10),
        ("SPORT_CYCLING", 30),
    ]
    assert len(found.laps) == 3


def test_a_course_is_no_activity() -> None:
    points = trackpoints(range(9))
    course = f"<Courses><Course><Name>Loop</Name><Lap/>{points}</Course></Courses>"
    with pytest.raises(NotAnActivity, match="a course file, not an activity"):
        read_tcx(tcx(course))


def test_a_course_beside_an_activity_leaves_it_alone() -> None:
    course = f"<Courses><Course><Name>Loop</Name>{trackpoints(range(500, 509))}</Course></Courses>"
    body = f"<Activities>{activity(lap(0, 3, trackpoints(range(3))))}</Activities>{course}"
    assert len(record(read_tcx(tcx(body)))) == 3


def test_a_workout_plan_is_no_activity() -> None:
    with pytest.raises(NotAnActivity, match="workout plan"):
        read_tcx(tcx("<Workouts><Workout Sport='Running'><Name>Intervals</Name></Workout></Workouts>"))


def test_an_activity_without_points_is_made_of_its_laps() -> None:
    found = read_tcx(activities(activity(lap(0, 600), lap(600, 300), sport="Other")))
    assert found.tables == ()
    assert (found.sessions[0].timer_s, len(found.laps)) == (900, 2)


def test_an_empty_database_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="without an activity"):
        read_tcx(tcx("<Activities/>"))


def test_the_creator_is_the_device() -> None:
    creator = (
        '<Creator xsi:type="Device_t"><Name>Edge 530</Name><UnitId>123456789</UnitId>'
        "<ProductID>3121</ProductID><Version><VersionMajor>9</VersionMajor></Version></Creator>"
    )
    author = "<Author><Name>Somebody's program</Name></Author>"
    body = f"<Activities>{activity(lap(0, 3, trackpoints(range(3))), more=creator)}</Activities>{author}"
    device = read_tcx(tcx(body)).device
    assert (device.name, device.product, device.serial) == ("Edge 530", "3121", 123456789)


def test_lap_totals_that_are_no_numbers_are_counted() -> None:
    found = read_tcx(activities(activity(lap(0, 3, trackpoints(range(3)), more="<Calories>many</Calories>"))))
    assert [loss.reason for loss in found.losses] == ["1 lap totals cannot be read"]


def test_a_truncated_file_keeps_its_whole_points() -> None:
    whole = activities(activity(lap(0, 300, trackpoints(range(300)))))
    cut = whole.index(f"<Time>{iso(T0_MS + 200_000)}".encode()) + 20
    found = read_tcx(whole[:cut])
    assert len(record(found)) == 200
    assert found.losses[0].offset == cut


def test_the_decoder_and_what_it_returns_can_be_pickled() -> None:
    decoder = pickle.loads(pickle.dumps(TcxDecoder()))
    found = pickle.loads(pickle.dumps(decoder.decode(activities(activity(lap(0, 3, trackpoints(range(3))))))))
    assert len(record(found)) == 3
