"""Which channels need which consent, and that what is refused is in no answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.type.v1.channel_pb2 import Channel
from pulsemesh.workout.v1 import recording_service_pb2, workout_pb2
from services.chassis.consent import ClosedConsentGate, DevelopmentConsentGate
from services.chassis.errors import Unavailable
from services.workout.consents.channels import (
    HEALTH,
    LOCATION,
    PURPOSES,
    channels_missing,
    guarded_by,
    purposes_of,
    require,
)
from services.workout.consents.hiding import hide_in_live, hide_in_workout

FREE = {
    Channel.CHANNEL_UNSPECIFIED,
    Channel.CHANNEL_ALTITUDE,
    Channel.CHANNEL_DISTANCE,
    Channel.CHANNEL_SPEED,
    Channel.CHANNEL_CADENCE,
    Channel.CHANNEL_TEMPERATURE,
    Channel.CHANNEL_GRADE,
    Channel.CHANNEL_RESISTANCE,
    Channel.CHANNEL_WHEEL_REVOLUTIONS,
    Channel.CHANNEL_CRANK_REVOLUTIONS,
    Channel.CHANNEL_BATTERY,
    Channel.CHANNEL_MARKER,
    Channel.CHANNEL_STROKES,
}
"""Channels that tell of the bicycle, the road or the water."""

channels = st.lists(st.sampled_from(list(Channel.values())), max_size=12)
refusals = st.frozensets(st.sampled_from(sorted(PURPOSES)))


def test_every_channel_was_thought_about() -> None:
    """A new channel fails here until somebody says what it tells."""
    assert {*HEALTH, *LOCATION, *FREE} == set(Channel.values())
    assert not FREE & {*HEALTH, *LOCATION}


def test_speed_and_distance_need_no_consent() -> None:
    assert purposes_of(FREE) == frozenset()


def test_a_refusal_names_purposes_and_channels() -> None:
    error = channels_missing([Purpose.PURPOSE_PRECISE_LOCATION], [1, 2, 6])
    assert error.metadata == {"purposes": "precise_location", "channels": "latitude,longitude"}


async def test_channels_that_need_nothing_are_asked_about_nowhere() -> None:
    await require(ClosedConsentGate(), "eu_ann", FREE)


async def test_a_gate_that_cannot_answer_refuses_the_others() -> None:
    with pytest.raises(Unavailable):
        await require(ClosedConsentGate(), "eu_ann", HEALTH)


async def test_a_gate_that_allows_lets_all_pass() -> None:
    await require(DevelopmentConsentGate(development=True), "eu_ann", Channel.values())


def summary(of: list[int]) -> workout_pb2.Summary:
    return workout_pb2.Summary(
        energy_kcal=500,
        work_kj=400,
        distance_m=1000,
        channels=[workout_pb2.ChannelSummary(channel=each, average=1) for each in of],  # type: ignore[arg-type]
    )


@given(channels, channels, refusals)
def test_what_is_refused_is_in_no_part_of_a_workout(
    whole: list[int], lap: list[int], refused: frozenset[Purpose.ValueType]
) -> None:
    workout = workout_pb2.Workout(
        summary=summary(whole),
        sessions=[workout_pb2.Session(summary=summary(whole))],
        laps=[workout_pb2.Lap(summary=summary(lap)), workout_pb2.Lap()],
    )
    before = workout_pb2.Workout.FromString(workout.SerializeToString())
    hide_in_workout(workout, refused)
    for part in (workout.summary, workout.sessions[0].summary, workout.laps[0].summary):
        assert not {each.channel for each in part.channels} & guarded_by(refused)
        assert part.HasField("energy_kcal") == (Purpose.PURPOSE_HEALTH_DATA not in refused)
        assert part.distance_m == 1000
    if not refused:
        assert workout == before


@given(channels, refusals)
def test_what_is_refused_is_in_no_live_number(
    shown: list[int], refused: frozenset[Purpose.ValueType]
) -> None:
    message = recording_service_pb2.WatchRecordingResponse(
        values=[recording_service_pb2.LiveValue(channel=each, value=1) for each in shown]  # type: ignore[arg-type]
    )
    hide_in_live(message, refused)
    assert [each.channel for each in message.values] == [
        one for one in shown if one not in guarded_by(refused)
    ]
