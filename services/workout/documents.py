"""Computed numbers to the contract's messages, and the contract's details to what is computed with."""

from __future__ import annotations

from datetime import UTC, datetime

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout.summary import Lap, Length, Part, Totals

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


_UINT32_MAX = 2**32 - 1

END_OF_TIME_MS = 32_503_680_000_000
"""The year 3000, where the contract's sample times end."""


def drop_impossible_times(details: recording_pb2.RecordingDetails) -> None:
    """Remove, in place, what lies outside the times that samples can have, or ends before it begins.

    The contract does not bound these times, and a workout must be made whatever a writer sends.
    """
    for name in ("sessions", "laps", "lengths"):
        told = getattr(details, name)
        possible = [each for each in told if 0 < each.start_time_ms <= each.end_time_ms < END_OF_TIME_MS]
        if len(possible) < len(told):
            details.ClearField(name)
            getattr(details, name).extend(possible)


def parts(details: recording_pb2.RecordingDetails) -> list[Part]:
    """The sessions that the writer told."""
    return [
        Part(
            sport=session.sport,
            sub_sport=session.sub_sport,
            start_ms=session.start_time_ms,
            end_ms=session.end_time_ms,
            pool_length_m=session.pool_length_m,
            reported_distance_m=session.reported_distance_m,
            reported_timer_s=session.reported_timer_s,
            reported_energy_kcal=session.reported_energy_kcal,
        )
        for session in details.sessions
    ]


def laps(details: recording_pb2.RecordingDetails) -> list[Lap]:
    """The laps that the writer told."""
    return [Lap(mark.start_time_ms, mark.end_time_ms, mark.trigger) for mark in details.laps]


def lengths(details: recording_pb2.RecordingDetails) -> list[Length]:
    """The pool lengths that the writer told."""
    return [
        Length(length.start_time_ms, length.end_time_ms, length.active, length.strokes, length.stroke)
        for length in details.lengths
    ]


def shift_times(details: recording_pb2.RecordingDetails, offset_ms: int) -> None:
    """Make all times of `details` later by `offset_ms`, in place."""
    for timed in (details.sessions, details.laps, details.lengths):
        for one in timed:
            one.start_time_ms += offset_ms
            one.end_time_ms += offset_ms


def summary_message(totals: Totals) -> workout_pb2.Summary:
    """The contract's summary; a number that is None stays absent."""
    message = workout_pb2.Summary(
        elapsed_s=totals.elapsed_s,
        timer_s=totals.timer_s,
        moving_s=totals.moving_s,
        distance_m=totals.distance_m,
        elevation_gain_m=totals.elevation_gain_m,
        elevation_loss_m=totals.elevation_loss_m,
        average_speed_mps=totals.average_speed_mps,
        energy_kcal=totals.energy_kcal,
        work_kj=totals.work_kj,
        lengths=totals.lengths,
        strokes=None if totals.strokes is None else min(totals.strokes, _UINT32_MAX),
    )
    for channel in totals.channels:
        message.channels.add(
            channel=channel_pb2.Channel.ValueType(channel.channel),
            minimum=channel.minimum,
            average=channel.average,
            maximum=channel.maximum,
            samples=channel.samples,
        )
    return message


def session_message(part: Part, totals: Totals) -> workout_pb2.Session:
    """A session with its numbers."""
    return workout_pb2.Session(
        part=recording_pb2.SessionPart(
            sport=sport_pb2.Sport.ValueType(part.sport),
            sub_sport=sport_pb2.SubSport.ValueType(part.sub_sport),
            start_time_ms=part.start_ms,
            end_time_ms=part.end_ms,
            pool_length_m=part.pool_length_m,
            reported_distance_m=part.reported_distance_m,
            reported_timer_s=part.reported_timer_s,
            reported_energy_kcal=part.reported_energy_kcal,
        ),
        summary=summary_message(totals),
    )


def lap_message(lap: Lap, totals: Totals) -> workout_pb2.Lap:
    """A lap with its numbers."""
    return workout_pb2.Lap(
        mark=recording_pb2.LapMark(
            start_time_ms=lap.start_ms,
            end_time_ms=lap.end_ms,
            trigger=recording_pb2.LapTrigger.ValueType(lap.trigger),
        ),
        summary=summary_message(totals),
    )


def default_title(sport: int, start_ms: int) -> str:
    """The sport and the day in words, "Cycling, 23 November 2026": UTC's day, since samples have no zone."""
    words = "Workout"
    if sport not in (sport_pb2.SPORT_UNSPECIFIED, sport_pb2.SPORT_OTHER):
        name = sport_pb2.Sport.Name(sport_pb2.Sport.ValueType(sport)).removeprefix("SPORT_")
        words = name.replace("_", " ").capitalize()
    day = datetime.fromtimestamp(start_ms / 1000, UTC)
    return f"{words}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def overall_sport(sport: int, sub_sport: int, sessions: list[Part]) -> tuple[int, int]:
    """Sport and sub sport of the whole: as announced, else of the sessions, multisport when they differ."""
    if sport != sport_pb2.SPORT_UNSPECIFIED:
        return sport, sub_sport
    moving = [part for part in sessions if part.sport != sport_pb2.SPORT_TRANSITION]
    if not moving:
        return sport, sub_sport
    if len({part.sport for part in moving}) > 1:
        return int(sport_pb2.SPORT_MULTISPORT), int(sport_pb2.SUB_SPORT_UNSPECIFIED)
    return moving[0].sport, moving[0].sub_sport
