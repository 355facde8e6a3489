"""The numbers of what is seen. Pure, and not for the event loop."""

from __future__ import annotations

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, recording_pb2
from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedWorkout
from services.chassis.privacy import View, show_channels, show_fields
from services.workout import documents
from services.workout.analysis.loading import LoadedWorkout
from services.workout.metrics import analyse, metrics_message
from services.workout.shared.aspects import ANALYSIS_SHAPE, CHANNEL_NEEDS, WORKOUT_SHAPE
from services.workout.shared.seen import SeenWorkout, seen_by, seen_thresholds
from services.workout.summary import Track, build_track, summarise_track


def shared_workout(view: View, workout: LoadedWorkout, shared_id: str) -> SharedWorkout:
    """A workout as a view shows it."""
    seen = seen_by(view, workout)
    row = workout.row
    summary = summarise_track(
        _track(seen), sport=row.sport, sub_sport=row.sub_sport, sessions=seen.sessions, laps=seen.laps
    )
    message = SharedWorkout(
        shared_id=shared_id,
        user_id=row.user_id,
        title=_title(workout, seen),
        notes=row.notes,
        sport=sport_pb2.Sport.ValueType(row.sport),
        sub_sport=sport_pb2.SubSport.ValueType(row.sub_sport),
        day_only=seen.day_only,
        summary=documents.summary_message(summary.whole),
        sessions=[documents.session_message(part, totals) for part, totals in summary.sessions],
        laps=[documents.lap_message(lap, totals) for lap, totals in summary.laps],
        gear=workout.document.gear,
        channels=[channel_pb2.Channel.ValueType(channel) for channel in seen.channels],
    )
    for length in seen.lengths:
        message.lengths.add(
            start_time_ms=length.start_ms,
            end_time_ms=length.end_ms,
            active=length.active,
            stroke=recording_pb2.SwimStroke.ValueType(length.stroke),
            strokes=length.strokes,
        )
    message.start_time.FromMilliseconds(seen.start_ms)
    show_fields(view, message, WORKOUT_SHAPE)
    return message


def shared_analysis(view: View, workout: LoadedWorkout, shared_id: str) -> analysis_pb2.Analysis:
    """The analysis of a workout as a view shows it."""
    seen = seen_by(view, workout)
    row = workout.row
    metrics = analyse(
        _track(seen),
        sport=row.sport,
        sub_sport=row.sub_sport,
        sessions=seen.sessions,
        laps=seen.laps,
        lengths=seen.lengths,
        thresholds=seen_thresholds(view, workout.thresholds),
        start_ms=seen.start_ms,
    )
    message = metrics_message(metrics)
    message.workout_id = shared_id
    _show_entries(view, message)
    for session in message.sessions:
        _show_entries(view, session)
    show_fields(view, message, ANALYSIS_SHAPE)
    return message


def _track(seen: SeenWorkout) -> Track:
    return build_track(
        seen.sources,
        start_ms=seen.start_ms,
        sessions=seen.sessions,
        laps=seen.laps,
        lengths=seen.lengths,
    )


def _title(workout: LoadedWorkout, seen: SeenWorkout) -> str:
    """The owner's; the one that the platform made names the day that is seen."""
    row = workout.row
    if row.title == documents.default_title(row.sport, row.start_ms):
        return documents.default_title(row.sport, seen.start_ms)
    return str(row.title)


def _show_entries(view: View, part: analysis_pb2.Analysis | analysis_pb2.SessionAnalysis) -> None:
    """Clear the entries of hidden channels from the lists whose entries name theirs."""
    for entries in (part.zones, part.curves, part.best_efforts, part.body):
        visible = show_channels(view, {entry.channel for entry in entries}, CHANNEL_NEEDS)
        kept = [entry for entry in entries if entry.channel in visible]
        if len(kept) < len(entries):
            del entries[:]
            entries.extend(kept)  # type: ignore[arg-type]
