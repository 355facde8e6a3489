"""Rows to the contract's messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import segment_pb2
from services.workout.routes.course import decode_course


def segment_message(
    row: Row[Any], efforts: int, best: Row[Any] | None, *, with_course: bool
) -> segment_pb2.Segment:
    """A segment, how far its search has come, and the caller's best effort."""
    message = segment_pb2.Segment(
        segment_id=row.segment_id,
        user_id=row.user_id,
        name=row.name,
        sport=sport_pb2.Sport.ValueType(row.sport),
        visibility=segment_pb2.SegmentVisibility.ValueType(row.visibility),
        distance_m=row.length_m,
        elevation_gain_m=row.elevation_gain_m,
        average_grade_percent=row.average_grade_percent,
        matching=segment_pb2.SegmentMatching(
            state=segment_pb2.SegmentMatching.State.ValueType(row.search_state),
            workouts=row.search_total,
            searched=row.searched,
            efforts=efforts,
        ),
        etag=etag(row.version),
        best=None if best is None else effort_message(best),
    )
    message.created_at.FromMilliseconds(row.created_ms)
    message.updated_at.FromMilliseconds(row.updated_ms)
    if with_course:
        course = decode_course(bytes(row.course))
        message.latitudes_deg.extend(course.latitude_deg.tolist())
        message.longitudes_deg.extend(course.longitude_deg.tolist())
    return message


def effort_message(row: Row[Any]) -> segment_pb2.SegmentEffort:
    """An effort with its rank."""
    return segment_pb2.SegmentEffort(
        segment_id=row.segment_id,
        segment_name=row.segment_name,
        workout_id=row.workout_id,
        ordinal=row.ordinal,
        start_time_ms=row.start_ms,
        end_time_ms=row.end_ms,
        elapsed_s=row.elapsed_s,
        distance_m=row.distance_m,
        average_speed_mps=row.distance_m / row.elapsed_s if row.elapsed_s > 0 else 0.0,
        average_power_w=row.average_power_w,
        average_heart_rate_bpm=row.average_heart_rate_bpm,
        rank=row.rank,
        was_personal_best=row.best_before_s is None or row.elapsed_s < row.best_before_s,
    )


def etag(version: int) -> str:
    """The etag of a version of a segment."""
    return f"v{version}"
