"""What exports tell, and that nothing in them can do more than tell nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_edge.importer.metadata import Hint, described, hints_of
from ingest_edge.importer.translation import recording_of
from tests.fixtures import export_archives as making

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "summarizedActivitiesExport",
                    "activityId",
                    "name",
                    "gearDTOS",
                    "gearActivityDTOs",
                    "gearPk",
                    "startTimeGmt",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def test_a_table_in_english_is_read_by_its_names_even_out_of_order() -> None:
    content = (
        b"Filename,Activity Name,Activity ID,Activity Gear,Activity Date\nActivities/1.FIT,Out,9,Bike,x\n"
    )
    assert hints_of("a/activities.csv", content) == [
        Hint(file_name="activities/1.fit", activity_id="9", title="Out", gear="Bike")
    ]


def test_a_date_in_english_is_the_start() -> None:
    row = making.StravaRow("1", name="Out", date="Nov 14, 2023, 10:13:20\u202fPM")
    (hint,) = hints_of("activities.csv", making.strava_csv([row]))
    assert hint.start_ms == 1_700_000_000_000


def test_an_old_table_without_private_notes_has_its_gear_before_the_file() -> None:
    header = "a,b,c,d,e,f,g,h,i,j,k"
    content = f"{header}\n1,x,Name,Ride,Text,1,2,3,false,Bike,activities/1.gpx\n".encode()
    assert hints_of("activities.csv", content) == [
        Hint("activities/1.gpx", "1", title="Name", notes="Text", gear="Bike", sport="SPORT_CYCLING")
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_a_table_is_read_in_each_encoding(encoding: str) -> None:
    row = making.StravaRow("1", "activities/1.fit", "Über die Brücke")
    content = making.strava_csv([row]).decode().encode(encoding)
    assert [hint.title for hint in hints_of("activities.csv", content)] == ["Über die Brücke"]


def test_comments_go_to_the_activity_that_they_name() -> None:
    content = b"Activity ID,Date,Comment\n7,2024,Well done\n,2024,Lost\n"
    assert hints_of("comments.csv", content) == [Hint(activity_id="7", notes="Comment: Well done")]


def test_gear_without_a_name_is_called_by_its_make() -> None:
    document = [
        {
            "gearDTOS": [{"gearPk": 1, "customMakeModel": "Make"}],
            "gearActivityDTOs": {"1": [{"activityId": 5}]},
        }
    ]
    assert hints_of("x_gear.json", json.dumps(document).encode()) == [Hint(activity_id="5", gear="Make")]


def test_long_texts_are_cut_to_what_the_contract_allows() -> None:
    recording = recording_of(making.ride_activity(1), "0" * 64, "edge")
    told = described(
        recording, Hint(title="t" * 500, notes="n\0" * 9_999 + "n" * 9_999, gear="g" * 500)
    ).details
    assert (len(told.title), len(told.notes), len(told.gear)) == (200, 10_000, 128)
    assert "\0" not in told.notes


def test_without_a_hint_a_recording_is_as_it_was() -> None:
    recording = recording_of(making.ride_activity(1), "0" * 64, "edge")
    assert described(recording, None) is recording


@given(st.binary(max_size=400))
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes_tell_nothing_and_raise_nothing(content: bytes) -> None:
    for name in ("activities.csv", "comments.csv", "x_gear.json", "x_summarizedActivities.json"):
        assert all(isinstance(hint, Hint) for hint in hints_of(name, content))


@given(JSON)
@settings(max_examples=150, deadline=None)
def test_arbitrary_documents_raise_nothing(document: object) -> None:
    content = json.dumps(document).encode()
    for name in ("x_gear.json", "x_summarizedActivities.json"):
        assert all(isinstance(hint, Hint) for hint in hints_of(name, content))


def test_a_document_nested_without_end_tells_nothing() -> None:
    assert hints_of("x_gear.json", b"[" * 100_000) == []
