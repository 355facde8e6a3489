from __future__ import annotations

import pickle

import pytest

from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.decoder import NotAnActivity, UnreadableFile
from ingest_edge.files.gpx import GpxDecoder, read_gpx
from tests.unit.ingest_edge.files.gpx.making import T0_MS, gpx, iso, point, segment, simple, track


def record(activity: Activity) -> SampleTable:
    table = activity.table("record")
    assert table is not None
    return table


def channel(activity: Activity, name: str) -> list[int | None]:
    table = record(activity)
    valid = table.validity[name]
    there = [True] * len(table) if valid is None else valid.tolist()
    return [
        value if present else None for value, present in zip(table.columns[name].tolist(), there, strict=True)
    ]


def test_positions_times_and_elevations_come_on_the_channels_scales() -> None:
    activity = read_gpx(simple(3, "<ele>123.45</ele>"))
    table = record(activity)
    assert table.time_ms.tolist() == [T0_MS, T0_MS + 1000, T0_MS + 2000]
    assert channel(activity, "latitude") == [round((50 + i / 1000) * 2**31 / 180) for i in range(3)]
    assert channel(activity, "altitude") == [1234, 1234, 1234]
    assert activity.losses == ()
    assert activity.start_time_ms == T0_MS
    assert activity.device.name == "Maker"


@pytest.mark.parametrize(
    ("inner", "name", "value"),
    [
        ("<g:TrackPointExtension><g:hr>150</g:hr></g:TrackPointExtension>", "heart_rate", 150),
        ("<ns3:TrackPointExtension><ns3:cad>88</ns3:cad></ns3:TrackPointExtension>", "cadence", 880),
        ("<TrackPointExtension><atemp>21.5</atemp></TrackPointExtension>", "temperature", 215),
        ("<x:TrackPointExtension><x:speed>7.25</x:speed></x:TrackPointExtension>", "speed", 7250),
        ("<power>250</power>", "power", 250),
        ("<pwr:PowerInWatts>251</pwr:PowerInWatts>", "power", 251),
        ("<p:PowerExtension><p:PowerInWatts>252</p:PowerInWatts></p:PowerExtension>", "power", 252),
        ("<gpxdata:hr>120</gpxdata:hr>", "heart_rate", 120),
        ("<gpxdata:distance>12.34</gpxdata:distance>", "distance", 1234),
        ("<gpxdata:temp>19</gpxdata:temp>", "temperature", 190),
        ("<p:respiration_rate>17.25</p:respiration_rate>", "respiration_rate", 1725),
    ],
)
def test_extensions_of_every_spelling_are_read(inner: str, name: str, value: int) -> None:
    activity = read_gpx(simple(2, f"<extensions>{inner}</extensions>"))
    assert channel(activity, name) == [value, value]


def test_the_speed_of_version_1_0_is_read() -> None:
    assert channel(read_gpx(simple(2, "<speed>3.5</speed>")), "speed") == [3500, 3500]


def test_a_prefix_on_every_element_makes_no_difference() -> None:
    plain = simple(4, "<ele>5</ele>")
    prefixed = plain
    for name in (b"gpx", b"trkseg", b"trkpt", b"trk", b"time", b"ele"):
        prefixed = prefixed.replace(b"<" + name, b"<g:" + name).replace(b"</" + name, b"</g:" + name)
    prefixed = prefixed.replace(b"g:g:", b"g:").replace(b"<g:g:trk", b"<g:trk")
    assert channel(read_gpx(prefixed), "latitude") == channel(read_gpx(plain), "latitude")


def test_segments_are_stretches_with_a_pause_between() -> None:
    first = segment(point(index) for index in range(5))
    second = segment(point(index) for index in range(60, 65))
    activity = read_gpx(gpx(track(first, second, kind="cycling")))
    assert [(marker.kind, marker.time_ms - T0_MS) for marker in activity.markers] == [
        ("pause", 4000),
        ("resume", 60_000),
    ]
    (session,) = activity.sessions
    assert (session.sport, session.elapsed_s, session.timer_s) == ("SPORT_CYCLING", 64.0, 8.0)
    assert session.derived


def test_each_track_is_a_session_of_its_sport() -> None:
    swim = track(segment(point(index) for index in range(5)), kind="open_water_swimming")
    ride = track(segment(point(index) for index in range(10, 20)), kind="Road Biking")
    sessions = read_gpx(gpx(swim + ride)).sessions
    assert [(part.sport, part.sub_sport) for part in sessions] == [
        ("SPORT_SWIMMING", "SUB_SPORT_OPEN_WATER"),
        ("SPORT_CYCLING", "SUB_SPORT_ROAD"),
    ]


def test_laps_of_gpxdata_are_laps() -> None:
    lap = (
        "<gpxdata:lap><gpxdata:index>1</gpxdata:index><gpxdata:startTime>{}</gpxdata:startTime>"
        "<gpxdata:elapsedTime>{}</gpxdata:elapsedTime><gpxdata:calories>12</gpxdata:calories>"
        '<gpxdata:distance>100.5</gpxdata:distance><gpxdata:trigger kind="manual"/></gpxdata:lap>'
    )
    laps = lap.format(iso(T0_MS), 4) + lap.format(iso(T0_MS + 4000), 5)
    body = track(segment(point(index) for index in range(10))) + f"<extensions>{laps}</extensions>"
    activity = read_gpx(gpx(body))
    assert [(lap.start_ms - T0_MS, lap.end_ms - T0_MS, lap.trigger) for lap in activity.laps] == [
        (0, 4000, "manual"),
        (4000, 9000, "manual"),
    ]
    assert activity.laps[0].distance_m == 100.5
    assert [marker.kind for marker in activity.markers] == ["lap"]


def test_a_route_is_no_activity() -> None:
    with pytest.raises(NotAnActivity, match="a route file, not an activity"):
        read_gpx(gpx('<rte><rtept lat="1" lon="2"/></rte>'))


def test_waypoints_are_no_activity() -> None:
    with pytest.raises(NotAnActivity, match="waypoint"):
        read_gpx(gpx('<wpt lat="1" lon="2"><time>2024-01-01T00:00:00Z</time></wpt>'))


def test_a_track_without_times_is_no_activity() -> None:
    with pytest.raises(NotAnActivity, match="without times"):
        read_gpx(gpx(track(segment(point(index, time="") for index in range(3)))))


def test_a_file_without_a_point_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="without a single point"):
        read_gpx(gpx("<metadata/>"))


def test_points_without_a_time_are_dropped_and_counted() -> None:
    points = [point(0), point(1, time=""), point(2)]
    activity = read_gpx(gpx(track(segment(points))))
    assert len(record(activity)) == 2
    assert [loss.reason for loss in activity.losses] == ["1 points without a usable time were dropped"]


def test_garbage_numbers_are_counted_and_cost_nothing_else() -> None:
    points = [
        point(i, f"<ele>{text}</ele>") for i, text in enumerate(["1", "x", "NaN", "1,5", "1_0", "", "7"])
    ]
    activity = read_gpx(gpx(track(segment(points))))
    assert channel(activity, "altitude") == [10, None, None, None, None, None, 70]
    assert [loss.reason for loss in activity.losses] == ["4 values of altitude cannot be read"]


def test_a_position_off_the_globe_is_lost_alone() -> None:
    bad = point(1, "<ele>9</ele>").replace('lat="50.001"', 'lat="95"')
    activity = read_gpx(gpx(track(segment([point(0, "<ele>9</ele>"), bad]))))
    assert channel(activity, "latitude")[1] is None
    assert channel(activity, "longitude")[1] is None
    assert channel(activity, "altitude") == [90, 90]
    assert "not on the globe" in activity.losses[0].reason


def test_the_date_line_has_one_longitude() -> None:
    east = point(0).replace('lon="8.000"', 'lon="180"')
    assert channel(read_gpx(gpx(track(segment([east])))), "longitude") == [-(2**31)]


def test_values_beyond_the_channels_bits_are_lost() -> None:
    activity = read_gpx(simple(1, "<ele>1e300</ele>"))
    assert "altitude" not in record(activity).columns
    assert "beyond 32 bits" in activity.losses[0].reason


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("2024-05-01T06:00:00Z", T0_MS),
        ("2024-05-01T06:00:00.25Z", T0_MS + 250),
        ("2024-05-01T06:00:00.123456789Z", T0_MS + 123),
        ("2024-05-01T08:00:00+02:00", T0_MS),
        ("2024-05-01T01:30:00.5-04:30", T0_MS + 500),
        ("2024-05-01T08:00:00+0200", T0_MS),
        (" 2024-05-01T06:00:00Z\n", T0_MS),
        ("2024-05-01 06:00:00Z", T0_MS),
    ],
)
def test_times_of_every_zone_and_fraction_are_read(text: str, expected_ms: int) -> None:
    assert record(read_gpx(gpx(track(segment([point(0, time=text)]))))).time_ms.tolist() == [expected_ms]


def test_a_time_without_a_zone_is_taken_as_utc_and_said() -> None:
    activity = read_gpx(gpx(track(segment([point(0, time="2024-05-01T06:00:00")]))))
    assert activity.start_time_ms == T0_MS
    assert "no zone" in activity.losses[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-05-01T06:61:00Z",
        "1969-12-31T23:59:59Z",
    ],
)
def test_a_time_that_is_none_costs_its_point(text: str) -> None:
    activity = read_gpx(gpx(track(segment([point(0), point(1, time=text)]))))
    assert len(record(activity)) == 1
    assert "1 times cannot be read" in [loss.reason for loss in activity.losses]


def test_backward_times_are_put_in_order_and_said() -> None:
    order = [0, 1, 5, 2, 3]
    activity = read_gpx(gpx(track(segment(point(index) for index in order))))
    assert record(activity).time_ms.tolist() == [T0_MS + 1000 * index for index in sorted(order)]
    assert "time runs backward 1 times" in activity.losses[0].reason


def test_two_points_of_one_time_are_both_kept() -> None:
    assert len(record(read_gpx(gpx(track(segment([point(0), point(0), point(1)])))))) == 3


def test_a_point_of_another_month_is_dropped() -> None:
    far = point(3, time="2021-01-01T00:00:00Z")
    activity = read_gpx(gpx(track(segment([point(0), point(1), point(2), far]))))
    assert len(record(activity)) == 3
    assert "weeks away" in activity.losses[0].reason


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1", "windows-1252"]
)
def test_every_encoding_that_is_declared_is_read(encoding: str) -> None:
    declared = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding)
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    text = simple(3).decode().split("?>", 1)[1].replace("Maker", "Fährmann")
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    activity = read_gpx(marks.get(encoding, b"") + (head + text).encode(encoding))
    assert activity.device.name == "Fährmann"
    assert len(record(activity)) == 3


@pytest.mark.parametrize("encoding", ["UF-8", "rot13", "gb2312", "punycode", "hex"])
def test_an_encoding_that_nobody_reads_is_refused(encoding: str) -> None:
    with pytest.raises(UnreadableFile, match="encoding"):
        read_gpx(simple(3).replace(b"UTF-8", encoding.encode()))


def test_a_letter_of_another_encoding_costs_the_letter_and_not_the_file() -> None:
    wrong = simple(200).replace(b"<trkseg>", b"<name>F\xe4hrmann</name><trkseg>")
    activity = read_gpx(wrong)
    assert len(record(activity)) == 200
    assert [loss.offset for loss in activity.losses] == [wrong.index(b"\xe4")]


def test_a_letter_of_another_encoding_in_the_root_costs_the_letter() -> None:
    assert read_gpx(simple(3).replace(b"Maker", b"M\xe4ker")).device.name == "M?ker"


def test_a_letter_cut_in_two_by_the_end_is_the_end() -> None:
    whole = gpx(track(segment(point(index) for index in range(9))) + "<desc>ä</desc>")
    cut = whole.index("ä".encode()) + 1
    activity = read_gpx(whole[:cut])
    assert [(loss.offset, loss.reason[:7]) for loss in activity.losses] == [(cut, "cut off")]


def test_blanks_before_the_declaration_are_forgiven() -> None:
    assert len(record(read_gpx(b"  \r\n\t " + simple(3)))) == 3


def test_comments_and_cdata_hide_nothing_and_add_nothing() -> None:
    points = [
        point(0),
        f"<!-- {point(50)} -->",
        point(1).replace("<time>", "<time><![CDATA[").replace("</time>", "]]></time>"),
        point(2),
    ]
    activity = read_gpx(gpx(track(segment(points)) + "<extensions><![CDATA[" + point(9) + "]]></extensions>"))
    assert record(activity).time_ms.tolist() == [T0_MS, T0_MS + 1000, T0_MS + 2000]


def test_a_truncated_file_keeps_its_whole_points_and_says_where_it_ends() -> None:
    whole = simple(300, "<ele>5</ele>")
    cut = whole.index(b"<ele>", whole.index(point(200).split(">")[0].encode())) + 3
    activity = read_gpx(whole[:cut])
    assert len(record(activity)) == 200
    (loss,) = activity.losses
    assert loss.offset == cut
    assert loss.reason.startswith("cut off")


def test_a_broken_tag_keeps_what_was_before_it() -> None:
    whole = simple(300)
    place = whole.index(point(250).encode())
    activity = read_gpx(whole[:place] + b"</nonsense>" + whole[place:])
    assert len(record(activity)) == 250
    assert activity.losses[0].offset is not None
    assert abs(activity.losses[0].offset - place) <= 2


def test_a_root_that_is_cut_off_is_unreadable() -> None:
    with pytest.raises(UnreadableFile):
        read_gpx(simple(3)[:70])


def test_the_decoder_and_what_it_returns_can_be_pickled() -> None:
    decoder = pickle.loads(pickle.dumps(GpxDecoder()))
    activity = pickle.loads(pickle.dumps(decoder.decode(simple(5))))
    assert len(record(activity)) == 5
