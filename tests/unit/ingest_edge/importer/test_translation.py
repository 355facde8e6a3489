"""Decoded activities in the platform's terms."""

from __future__ import annotations

import numpy as np
import pytest

from ingest_edge.files.activity import (
    Activity,
    DeviceIdentity,
    LapPart,
    Loss,
    Marker,
    SampleTable,
    SessionPart,
)
from ingest_edge.importer import recording_of
from ingest_edge.spool import recording_id_of_digest
from pulsemesh.samples import decode_batch, sample_count
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import recording_pb2

SHA = "ab" * 32
START_MS = 1_700_000_000_000


def session(sport: str = "SPORT_RUNNING", **more: object) -> SessionPart:
    values: dict[str, object] = {
        "sport": sport,
        "sub_sport": "SUB_SPORT_UNSPECIFIED",
        "start_ms": START_MS,
        "end_ms": START_MS + 1000,
        "elapsed_s": 1.0,
        "timer_s": 1.0,
    }
    return SessionPart(**(values | more))  # type: ignore[arg-type]


def table(times: list[int], **columns: list[int | None]) -> SampleTable:
    return SampleTable(
        "record",
        np.array(times, np.int64),
        {name: np.array([value or 0 for value in values], np.int32) for name, values in columns.items()},
        {
            name: np.array([value is not None for value in values]) if None in values else None
            for name, values in columns.items()
        },
    )


def activity(**more: object) -> Activity:
    values: dict[str, object] = {
        "file_kind": "activity",
        "device": DeviceIdentity(),
        "start_time_ms": START_MS,
        "sessions": (session(),),
        "laps": (),
        "lengths": (),
        "markers": (),
        "tables": (),
        "losses": (),
    }
    return Activity(**(values | more))  # type: ignore[arg-type]


def test_the_same_file_always_has_the_same_recording_id_of_26_crockford_characters() -> None:
    recording_id = recording_id_of_digest(SHA)
    assert recording_id == recording_id_of_digest(SHA.upper())
    assert len(recording_id) == 26
    assert set(recording_id) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    assert recording_id != recording_id_of_digest("ac" * 32)


@pytest.mark.parametrize("bad", ["", "ab", "zz" * 32])
def test_what_is_no_sha256_has_no_recording_id(bad: str) -> None:
    with pytest.raises(ValueError):
        recording_id_of_digest(bad)


def test_a_table_becomes_a_source_with_gaps_where_nothing_was_measured() -> None:
    decoded = recording_of(activity(tables=(table([1, 2, 3], power=[5, None, 7]),)), SHA, "w")
    ((source, (batch,)),) = decoded.sources
    assert source.source_id == "file/record"
    assert list(source.channels) == [channel_pb2.CHANNEL_POWER]
    assert decode_batch(batch).columns == {channel_pb2.CHANNEL_POWER: [5, None, 7]}
    assert decoded.samples == 3


def test_a_long_table_is_cut_into_batches_that_follow_each_other() -> None:
    times = list(range(START_MS, START_MS + 12_000))
    decoded = recording_of(activity(tables=(table(times, power=list(times_mod(times))),)), SHA, "w")
    ((_, batches),) = decoded.sources
    assert [sample_count(batch) for batch in batches] == [5000, 5000, 2000]
    joined = [time_ms for batch in batches for time_ms in decode_batch(batch).times_ms]
    assert joined == times


def times_mod(times: list[int]) -> list[int | None]:
    return [time_ms % 400 for time_ms in times]


def test_a_clock_that_was_set_by_years_starts_a_new_batch() -> None:
    times = [631_065_600_000, 631_065_601_000, START_MS, START_MS + 1000]
    decoded = recording_of(activity(tables=(table(times, power=[1, 2, 3, 4]),)), SHA, "w")
    ((_, batches),) = decoded.sources
    assert [sample_count(batch) for batch in batches] == [2, 2]
    assert [time_ms for batch in batches for time_ms in decode_batch(batch).times_ms] == times


def test_a_channel_that_the_contract_does_not_know_is_left_out() -> None:
    decoded = recording_of(activity(tables=(table([1], power=[5], aura=[9]),)), SHA, "w")
    ((source, (batch,)),) = decoded.sources
    assert list(source.channels) == [channel_pb2.CHANNEL_POWER]
    assert len(batch.columns) == 1


def test_pauses_are_markers_and_laps_are_details_where_the_file_has_them() -> None:
    lap = LapPart(START_MS, START_MS + 500, 0.5, 0.5, trigger="distance")
    markers = (Marker("lap", START_MS), Marker("pause", START_MS + 1), Marker("resume", START_MS + 2))
    decoded = recording_of(activity(laps=(lap,), markers=markers), SHA, "w")
    ((source, (batch,)),) = decoded.sources
    assert source.source_id == "file/marker"
    assert decode_batch(batch).columns[channel_pb2.CHANNEL_MARKER] == [
        channel_pb2.MARKER_KIND_PAUSE,
        channel_pb2.MARKER_KIND_RESUME,
    ]
    assert decoded.details.laps[0].trigger == recording_pb2.LAP_TRIGGER_DISTANCE


def test_laps_without_a_summary_are_markers() -> None:
    decoded = recording_of(activity(markers=(Marker("lap", START_MS),)), SHA, "w")
    ((_, (batch,)),) = decoded.sources
    assert decode_batch(batch).columns[channel_pb2.CHANNEL_MARKER] == [channel_pb2.MARKER_KIND_LAP]


def test_a_file_without_samples_still_has_a_source() -> None:
    decoded = recording_of(activity(), SHA, "w")
    ((source, batches),) = decoded.sources
    assert list(source.channels) == [channel_pb2.CHANNEL_MARKER]
    assert batches == []


def test_several_sports_are_multisport_and_the_changes_between_them_do_not_count() -> None:
    one = recording_of(activity(sessions=(session(), session("SPORT_TRANSITION"))), SHA, "w")
    assert one.new.sport == sport_pb2.SPORT_RUNNING
    two = recording_of(activity(sessions=(session(), session("SPORT_CYCLING"))), SHA, "w")
    assert two.new.sport == sport_pb2.SPORT_MULTISPORT


def test_numbers_that_the_contract_does_not_take_are_unknown() -> None:
    part = session(distance_m=-1.0, pool_length_m=1e9, reported={"calories_kcal": 450.0})
    (sent,) = recording_of(activity(sessions=(part,)), SHA, "w").details.sessions
    assert (sent.reported_distance_m, sent.pool_length_m, sent.reported_energy_kcal) == (0, 0, 450)


def test_totals_that_were_derived_are_not_called_reported() -> None:
    part = session(distance_m=1000.0, derived=True)
    (sent,) = recording_of(activity(sessions=(part,)), SHA, "w").details.sessions
    assert (sent.reported_distance_m, sent.reported_timer_s) == (0, 0)


def test_losses_are_told_with_their_place() -> None:
    decoded = recording_of(activity(losses=(Loss(12, "cut off"), Loss(None, "no summary"))), SHA, "w")
    assert decoded.losses == ("cut off (at byte 12)", "no summary")


def test_more_laps_than_the_contract_takes_are_cut_and_told() -> None:
    laps = tuple(LapPart(START_MS + i, START_MS + i + 1, 0.0, 0.0) for i in range(5_003))
    decoded = recording_of(activity(laps=laps), SHA, "w")
    assert len(decoded.details.laps) == 5_000
    assert decoded.losses == ("3 of 5003 laps: too many",)
