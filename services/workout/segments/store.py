"""All SQL about segments and their efforts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, func, insert, select, update

from pulsemesh.workout.v1 import segment_pb2
from services.chassis.database import insert_for, raise_signal
from services.workout.routes.course import Box, decode_course
from services.workout.segments.efforts import Effort, KnownSegment
from services.workout.segments.passing import GATE_M
from services.workout.tables import segment_efforts, segments, tracks, workouts

RUNNING = int(segment_pb2.SegmentMatching.STATE_RUNNING)
DONE = int(segment_pb2.SegmentMatching.STATE_DONE)

SEARCH = "segment-search"
"""The signal after a commit with a segment whose old workouts are to be searched."""

_efforts = select(
    segment_efforts,
    workouts.c.workout_id,
    segments.c.segment_id,
    segments.c.name.label("segment_name"),
    func.rank()
    .over(
        partition_by=(segment_efforts.c.segment_pk, segment_efforts.c.user_id),
        order_by=segment_efforts.c.elapsed_s,
    )
    .label("rank"),
    func.min(segment_efforts.c.elapsed_s)
    .over(
        partition_by=(segment_efforts.c.segment_pk, segment_efforts.c.user_id),
        order_by=(segment_efforts.c.start_ms, segment_efforts.c.workout_pk, segment_efforts.c.ordinal),
        rows=(None, -1),
    )
    .label("best_before_s"),
).select_from(
    segment_efforts.join(workouts, workouts.c.workout_pk == segment_efforts.c.workout_pk).join(
        segments, segments.c.segment_pk == segment_efforts.c.segment_pk
    )
)


def readable(user_id: str) -> ColumnElement[bool]:
    """Which segments a person may see: the one place that says so. Today one's own."""
    return segments.c.user_id == user_id


def find(conn: Connection, user_id: str, segment_id: str) -> Row[Any] | None:
    """A segment that the person may see."""
    return conn.execute(
        select(segments).where(readable(user_id), segments.c.segment_id == segment_id)
    ).one_or_none()


def find_for_update(conn: Connection, user_id: str, segment_id: str) -> Row[Any] | None:
    """A person's own segment, locked until the transaction ends."""
    return conn.execute(
        select(segments)
        .where(segments.c.user_id == user_id, segments.c.segment_id == segment_id)
        .with_for_update()
    ).one_or_none()


def find_by_request(conn: Connection, user_id: str, request_id: str) -> Row[Any] | None:
    """The segment that this request made."""
    return conn.execute(
        select(segments).where(segments.c.user_id == user_id, segments.c.request_id == request_id)
    ).one_or_none()


def page(conn: Connection, user_id: str, sport: int, before_pk: int | None, limit: int) -> Sequence[Row[Any]]:
    """At most `limit` segments that a person may see, the latest made first."""
    query = select(segments).where(readable(user_id))
    if sport:
        query = query.where(segments.c.sport == sport)
    if before_pk is not None:
        query = query.where(segments.c.segment_pk < before_pk)
    return conn.execute(query.order_by(segments.c.segment_pk.desc()).limit(limit)).all()


def add(conn: Connection, values: Mapping[str, Any]) -> Row[Any] | None:
    """Add a segment, to be searched for; None when another transaction answered the same request first."""
    raise_signal(conn, SEARCH)
    return conn.execute(
        insert_for(conn, segments).values(**values).on_conflict_do_nothing().returning(segments)
    ).one_or_none()


def change(conn: Connection, segment_pk: int, values: Mapping[str, Any]) -> Row[Any]:
    """Change columns of a segment that is locked."""
    return conn.execute(
        update(segments).where(segments.c.segment_pk == segment_pk).values(**values).returning(segments)
    ).one()


def remove(conn: Connection, segment_pk: int) -> None:
    """Delete a segment with its efforts."""
    conn.execute(delete(segments).where(segments.c.segment_pk == segment_pk))


def search_again(conn: Connection, segment_pk: int) -> None:
    """Forget all efforts on a segment and search every workout anew."""
    conn.execute(delete(segment_efforts).where(segment_efforts.c.segment_pk == segment_pk))
    segment = conn.execute(select(segments).where(segments.c.segment_pk == segment_pk)).one()
    total = count_tracks(conn, segment._mapping)
    conn.execute(
        update(segments)
        .where(segments.c.segment_pk == segment_pk)
        .values(search_state=RUNNING, search_cursor=0, searched=0, search_total=total)
    )
    raise_signal(conn, SEARCH)


def search_from(conn: Connection, segment_pks: Iterable[int], workout_pk: int) -> None:
    """Have segments look at a workout (and those after it) that was stored without them."""
    for segment_pk in segment_pks:
        conn.execute(
            update(segments)
            .where(segments.c.segment_pk == segment_pk, segments.c.search_cursor >= workout_pk)
            .values(search_state=RUNNING, search_cursor=workout_pk - 1)
        )
        raise_signal(conn, SEARCH)


def _near(query: Select[Any], segment: Mapping[Any, Any]) -> Select[Any]:
    """Tracks of those whose efforts count, whose box holds the segment's (or nearly)."""
    box = Box(*(segment[name] for name in ("south_deg", "north_deg", "west_deg", "east_deg")))
    core = box.widened(-2 * GATE_M)
    return query.where(
        and_(
            tracks.c.user_id == segment["user_id"],
            tracks.c.sport == segment["sport"],
            tracks.c.south_deg <= core.south_deg,
            tracks.c.north_deg >= core.north_deg,
            tracks.c.west_deg <= core.west_deg,
            tracks.c.east_deg >= core.east_deg,
        )
    )


def count_tracks(conn: Connection, segment: Mapping[Any, Any]) -> int:
    """How many workouts are to be searched for a segment, given by its columns."""
    return int(conn.execute(_near(select(func.count()).select_from(tracks), segment)).scalar_one())


def tracks_near(conn: Connection, segment: Row[Any], limit: int) -> Sequence[Row[Any]]:
    """The next workouts to be searched: (workout_pk, generation, course), at most `limit`."""
    query = select(tracks.c.workout_pk, tracks.c.generation, tracks.c.course).where(
        tracks.c.workout_pk > segment.search_cursor
    )
    return conn.execute(_near(query, segment._mapping).order_by(tracks.c.workout_pk).limit(limit)).all()


def next_search(conn: Connection) -> Row[Any] | None:
    """The oldest segment whose old workouts are to be searched."""
    return conn.execute(
        select(segments).where(segments.c.search_state == RUNNING).order_by(segments.c.segment_pk).limit(1)
    ).one_or_none()


def lock_search(conn: Connection, segment_pk: int, version: int, cursor: int) -> Row[Any] | None:
    """The segment, locked, if its search is still where it was."""
    return conn.execute(
        select(segments)
        .where(
            segments.c.segment_pk == segment_pk,
            segments.c.version == version,
            segments.c.search_cursor == cursor,
            segments.c.search_state == RUNNING,
        )
        .with_for_update()
    ).one_or_none()


def known(conn: Connection, user_id: str, sport: int) -> list[KnownSegment]:
    """The segments on which a person's workouts of a sport have efforts."""
    rows = conn.execute(
        select(segments.c.segment_pk, segments.c.version, segments.c.course).where(
            readable(user_id), segments.c.sport == sport
        )
    )
    return [KnownSegment(row.segment_pk, row.version, decode_course(bytes(row.course))) for row in rows]


def known_versions(conn: Connection, user_id: str, sport: int) -> dict[int, int]:
    """Versions of the same segments by key, without their courses; locked against deletion."""
    rows = conn.execute(
        select(segments.c.segment_pk, segments.c.version)
        .where(readable(user_id), segments.c.sport == sport)
        .with_for_update(read=True)
    )
    return {row.segment_pk: row.version for row in rows}


def replace_efforts(
    conn: Connection,
    user_id: str,
    workout_pk: int,
    efforts: Sequence[Effort],
    segment_pk: int | None = None,
) -> None:
    """Make these the efforts of a workout, on one segment or on all."""
    stale = delete(segment_efforts).where(segment_efforts.c.workout_pk == workout_pk)
    if segment_pk is not None:
        stale = stale.where(segment_efforts.c.segment_pk == segment_pk)
    conn.execute(stale)
    if efforts:
        conn.execute(insert(segment_efforts), [_row(user_id, workout_pk, effort) for effort in efforts])


def _row(user_id: str, workout_pk: int, effort: Effort) -> dict[str, Any]:
    return {
        "segment_pk": effort.segment_pk,
        "workout_pk": workout_pk,
        "ordinal": effort.ordinal,
        "user_id": user_id,
        "start_ms": effort.start_ms,
        "end_ms": effort.end_ms,
        "elapsed_s": effort.elapsed_s,
        "distance_m": effort.distance_m,
        "average_power_w": effort.average_power_w,
        "average_heart_rate_bpm": effort.average_heart_rate_bpm,
    }


def efforts_on(
    conn: Connection, user_id: str, segment_pk: int, *, latest: bool, offset: int, limit: int
) -> Sequence[Row[Any]]:
    """A person's efforts on a segment with rank and best time before, the fastest or the latest first."""
    ranked = _efforts.where(
        segment_efforts.c.segment_pk == segment_pk, segment_efforts.c.user_id == user_id
    ).subquery()
    order = (
        (ranked.c.start_ms.desc(), ranked.c.workout_pk.desc(), ranked.c.ordinal.desc())
        if latest
        else (ranked.c.elapsed_s, ranked.c.start_ms, ranked.c.workout_pk, ranked.c.ordinal)
    )
    return conn.execute(select(ranked).order_by(*order).offset(offset).limit(limit)).all()


def count_efforts(conn: Connection, user_id: str, segment_pks: Sequence[int]) -> dict[int, int]:
    """How many efforts a person has on each of these segments; those without any are left out."""
    rows = conn.execute(
        select(segment_efforts.c.segment_pk, func.count().label("efforts"))
        .where(segment_efforts.c.segment_pk.in_(segment_pks), segment_efforts.c.user_id == user_id)
        .group_by(segment_efforts.c.segment_pk)
    )
    return {row.segment_pk: row.efforts for row in rows}


def best_efforts(conn: Connection, user_id: str, segment_pks: Sequence[int]) -> dict[int, Row[Any]]:
    """A person's fastest effort on each of these segments, the earliest of equal ones."""
    ranked = _efforts.where(
        segment_efforts.c.segment_pk.in_(segment_pks), segment_efforts.c.user_id == user_id
    ).subquery()
    rows = conn.execute(select(ranked).where(ranked.c.rank == 1).order_by(ranked.c.start_ms.desc()))
    return {row.segment_pk: row for row in rows}


def efforts_of_workout(conn: Connection, user_id: str, workout_pk: int, limit: int) -> Sequence[Row[Any]]:
    """The efforts of a workout on the segments that the person may see, in the order of time."""
    passed = select(segment_efforts.c.segment_pk).where(segment_efforts.c.workout_pk == workout_pk)
    ranked = _efforts.where(
        readable(user_id),
        segment_efforts.c.segment_pk.in_(passed),
        segment_efforts.c.user_id == user_id,
    ).subquery()
    return conn.execute(
        select(ranked)
        .where(ranked.c.workout_pk == workout_pk)
        .order_by(ranked.c.start_ms, ranked.c.segment_pk)
        .limit(limit)
    ).all()
