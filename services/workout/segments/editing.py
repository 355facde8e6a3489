"""What an owner does with segments: store functions, each part of a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import segment_pb2, segment_service_pb2
from services.chassis.errors import EtagMismatch, InvalidField, RequestIdReused
from services.workout.routes.course import encode_course
from services.workout.segments import store
from services.workout.segments.errors import SegmentNotFound
from services.workout.segments.making import MadeSegment
from services.workout.segments.messages import etag

EDITABLE = ("name", "sport", "visibility")


def answered(conn: Connection, user_id: str, request_id: str, digest: bytes) -> Row[Any] | None:
    """The segment that an equal request made before.

    Raises:
        RequestIdReused: another request came under that id.
    """
    row = store.find_by_request(conn, user_id, request_id) if request_id else None
    if row is not None and bytes(row.request_sha256) != digest:
        raise RequestIdReused(request_id)
    return row


def create(
    conn: Connection,
    user_id: str,
    request: segment_service_pb2.CreateSegmentRequest,
    made: MadeSegment,
    *,
    digest: bytes,
    sport: int,
    now_ms: int,
) -> Row[Any]:
    """Add a segment and have old workouts searched; a repeat of the request gives the first one.

    Raises:
        RequestIdReused
    """
    box = made.course.box
    values = {
        "segment_id": new_ulid(),
        "user_id": user_id,
        "request_id": request.request_id or None,
        "request_sha256": digest,
        "name": request.name,
        "sport": sport,
        "visibility": int(segment_pb2.SEGMENT_VISIBILITY_PRIVATE),
        "length_m": made.course.length_m,
        "elevation_gain_m": made.elevation_gain_m,
        "average_grade_percent": made.average_grade_percent,
        "south_deg": box.south_deg,
        "north_deg": box.north_deg,
        "west_deg": box.west_deg,
        "east_deg": box.east_deg,
        "course": encode_course(made.course),
        "version": 1,
        "created_ms": now_ms,
        "updated_ms": now_ms,
        "search_state": store.RUNNING,
        "searched": 0,
        "search_cursor": 0,
    }
    row = store.add(conn, {**values, "search_total": store.count_tracks(conn, values)})
    if row is None:
        row = answered(conn, user_id, request.request_id, digest)
    assert row is not None
    return row


def update(
    conn: Connection, user_id: str, request: segment_service_pb2.UpdateSegmentRequest, now_ms: int
) -> Row[Any]:
    """Change what the mask names; what is there already changes nothing.

    Raises:
        SegmentNotFound, EtagMismatch, InvalidField
    """
    values = _edited(request)
    row = store.find_for_update(conn, user_id, request.segment_id)
    if row is None:
        raise SegmentNotFound(request.segment_id)
    if request.etag and request.etag != etag(row.version):
        raise EtagMismatch("segment", row.segment_id, etag(row.version))
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not differing:
        return row
    changed = store.change(
        conn, row.segment_pk, {**differing, "version": row.version + 1, "updated_ms": now_ms}
    )
    if "sport" not in differing:
        return changed
    store.search_again(conn, row.segment_pk)
    again = store.find_for_update(conn, user_id, request.segment_id)
    assert again is not None
    return again


def delete(conn: Connection, user_id: str, segment_id: str) -> bool:
    """Delete a segment with its efforts; False when there is none."""
    row = store.find_for_update(conn, user_id, segment_id)
    if row is None:
        return False
    store.remove(conn, row.segment_pk)
    return True


def _edited(request: segment_service_pb2.UpdateSegmentRequest) -> dict[str, Any]:
    paths = list(request.update_mask.paths)
    if not paths:
        raise InvalidField("update_mask", f"must name at least one of {', '.join(EDITABLE)}")
    names = list(EDITABLE) if "*" in paths else paths
    for name in names:
        if name not in EDITABLE:
            raise InvalidField("update_mask", f"{name!r} is not one of {', '.join(EDITABLE)}")
    values = {name: getattr(request.change, name) for name in names}
    for name, value in values.items():
        if not value:
            raise InvalidField(f"change.{name}", "must be given")
    return values
