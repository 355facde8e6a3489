"""Reading the samples of a workout."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.samples import decode_batch
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import sample_pb2, workout_pb2, workout_service_pb2
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    POWER,
    SPEED,
    START_MS,
    Rig,
    Sent,
    collected,
    reason_of,
    ride,
)

Rows = list[tuple[int, dict[int, int]]]


async def segments(rig: Rig, workout_id: str, **fields: Any) -> list[Any]:
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id, **fields)
    answers = await collected(rig.workouts.ReadStreams(request, metadata=rig.who))
    return [answer.segment for answer in answers]


def rows_of(segment: Any) -> Rows:
    """Row by row, decoded with the SDK's plain decoder."""
    batch = sample_pb2.SampleBatch(
        start_time_ms=segment.start_time_ms,
        time_deltas_ms=segment.time_deltas_ms,
        columns=[
            sample_pb2.Column(channel=each.channel, deltas=each.deltas, validity=each.validity)
            for each in segment.columns
        ],
    )
    decoded = decode_batch(batch)
    return [
        (
            time,
            {
                channel: value
                for channel, values in decoded.columns.items()
                if (value := values[row]) is not None
            },
        )
        for row, time in enumerate(decoded.times_ms)
    ]


async def test_what_was_sent_is_what_is_read(rig: Rig) -> None:
    times = [START_MS + 700 * index for index in range(12_000)]  # more than two hours
    power = [None if index % 7 == 0 else (index * 37) % 400 for index in range(12_000)]
    beats = [100 + index % 60 for index in range(12_000)]
    halves = [Sent("meter", times[:9_000], {POWER: power[:9_000], HEART_RATE: beats[:9_000]})]
    _, response = await rig.append(halves)
    read = await segments(rig, response.closed.workout_id)
    expected = [
        (time, {HEART_RATE: beat} | ({} if watts is None else {POWER: watts}))
        for time, watts, beat in zip(times[:9_000], power, beats, strict=False)
    ]
    assert [row for segment in read for row in rows_of(segment)] == expected
    assert {segment.source_id for segment in read} == {"meter"}


async def test_only_the_channels_and_the_stretch_that_are_asked_for(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    (segment,) = await segments(
        rig,
        workout_id,
        channels=[HEART_RATE],
        start_time_ms=START_MS + 10_000,
        end_time_ms=START_MS + 13_000,
    )
    assert rows_of(segment) == [(START_MS + second * 1000, {HEART_RATE: 140}) for second in (10, 11, 12)]


async def test_a_channel_that_was_not_recorded_is_nothing(rig: Rig) -> None:
    workout_id = await rig.workout(60)
    assert await segments(rig, workout_id, channels=[channel_pb2.CHANNEL_ALTITUDE]) == []


async def test_aligned_sources_share_one_axis(rig: Rig) -> None:
    strap = Sent("strap", [START_MS + 300, START_MS + 1300], {HEART_RATE: [140, 141]})
    meter = Sent("meter", [START_MS, START_MS + 2000], {POWER: [200, 210]})
    _, response = await rig.append([strap, meter])
    (segment,) = await segments(rig, response.closed.workout_id, aligned=True)
    assert segment.source_id == ""
    assert rows_of(segment) == [
        (START_MS, {POWER: 200}),
        (START_MS + 1000, {HEART_RATE: 140, POWER: 200}),
        (START_MS + 2000, {HEART_RATE: 141, POWER: 210}),
    ]


@pytest.mark.parametrize(
    "method",
    [
        workout_pb2.DOWNSAMPLING_UNSPECIFIED,
        workout_pb2.DOWNSAMPLING_MIN_MAX,
        workout_pb2.DOWNSAMPLING_LTTB,
        workout_pb2.DOWNSAMPLING_MEAN,
    ],
)
async def test_a_short_stream_has_at_most_the_samples_asked_for(rig: Rig, method: Any) -> None:
    workout_id = await rig.workout(600)
    (segment,) = await segments(rig, workout_id, max_samples=50, downsampling=method)
    assert 40 <= len(rows_of(segment)) <= 50
    assert {each.channel for each in segment.columns} == {HEART_RATE, POWER, SPEED}


async def test_sources_that_differ_in_time_are_aligned_before_they_are_shortened(rig: Rig) -> None:
    _, response = await rig.append([ride(300), ride(300, START_MS + 500, "other")])
    (segment,) = await segments(rig, response.closed.workout_id, max_samples=20)
    assert segment.source_id == ""


async def test_no_segment_is_longer_than_a_megabyte(rig: Rig) -> None:
    wild = [(index * 2_654_435_761) % 2**32 - 2**31 for index in range(9_000)]
    times = [START_MS + index for index in range(9_000)]
    columns = dict.fromkeys(range(1, 29), wild)
    _, response = await rig.append([Sent("noise", times, columns)])
    read = await segments(rig, response.closed.workout_id)
    assert len(read) > 1
    assert max(segment.ByteSize() for segment in read) <= 1_050_000
    assert sum(len(rows_of(segment)) for segment in read) == 9_000


async def test_the_streams_of_an_unknown_workout_are_not_found(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await segments(rig, "0" * 26)
    assert reason_of(caught.value) == "NOT_FOUND"
