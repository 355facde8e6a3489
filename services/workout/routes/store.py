"""All SQL about routes and the tracks of workouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, tuple_, update

from pulsemesh.ulid import new_ulid
from services.chassis.database import raise_signal
from services.workout.routes.cells import cells_of_model, probes
from services.workout.routes.course import Course, decode_course
from services.workout.routes.likeness import LONGER
from services.workout.tables import route_cells, routes, tracks, workouts

UNPLACED = "tracks-unplaced"
"""The signal after a commit with new tracks."""

CANDIDATES = 16
_SHARED = 0.75


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route that a workout may belong to, with a course to hold it against."""

    route_pk: int
    course: Course


def candidates(
    conn: Connection, user_id: str, sport: int, course: Course, *, without: int, after_pk: int = 0
) -> list[Candidate]:
    """The athlete's routes that share most cells with `course`, at most `CANDIDATES`.

    `without` is the workout itself, which is no model for itself. Only routes newer than `after_pk`.
    """
    wanted = probes(course)
    shared = func.count().label("shared")
    query = (
        select(routes.c.route_pk, routes.c.model_pk, shared)
        .join(route_cells, route_cells.c.route_pk == routes.c.route_pk)
        .where(
            route_cells.c.user_id == user_id,
            route_cells.c.cell.in_(wanted),
            routes.c.route_pk > after_pk,
            routes.c.sport == sport,
            routes.c.length_m.between(course.length_m / LONGER, course.length_m * LONGER),
        )
        .group_by(routes.c.route_pk, routes.c.model_pk, routes.c.length_m)
        .having(func.count() >= _SHARED * len(wanted))
        .order_by(shared.desc(), func.abs(routes.c.length_m - course.length_m), routes.c.route_pk)
        .limit(CANDIDATES)
    )
    found = []
    for row in conn.execute(query).all():
        model = _another_course(conn, row.route_pk, row.model_pk, without)
        if model is not None:
            found.append(Candidate(row.route_pk, model))
    return found


def _another_course(conn: Connection, route_pk: int, model_pk: int, without: int) -> Course | None:
    """The model's course, or of another workout on the route where the model is not to be used."""
    payload = conn.execute(
        select(tracks.c.course)
        .where(tracks.c.route_pk == route_pk, tracks.c.workout_pk != without)
        .order_by(tracks.c.workout_pk != model_pk, tracks.c.workout_pk)
        .limit(1)
    ).scalar_one_or_none()
    return None if payload is None else decode_course(bytes(payload))


def newest_route(conn: Connection, user_id: str) -> int:
    """The key of the athlete's newest route, 0 without any."""
    return conn.execute(select(func.max(routes.c.route_pk)).where(routes.c.user_id == user_id)).scalar() or 0


def unplaced(conn: Connection, limit: int) -> list[int]:
    """Workouts whose route was not looked for yet, the first come first."""
    query = select(tracks.c.workout_pk).where(tracks.c.placed.is_(False)).order_by(tracks.c.workout_pk)
    return list(conn.execute(query.limit(limit)).scalars())


def find_track(conn: Connection, workout_pk: int) -> Row[Any] | None:
    """The track of a workout."""
    return conn.execute(select(tracks).where(tracks.c.workout_pk == workout_pk)).one_or_none()


def _find_track_for_update(conn: Connection, workout_pk: int) -> Row[Any] | None:
    """The same, locked: whoever takes a track and its route takes the track first."""
    return conn.execute(
        select(tracks).where(tracks.c.workout_pk == workout_pk).with_for_update()
    ).one_or_none()


def put_track(conn: Connection, workout_pk: int, values: Mapping[str, Any]) -> None:
    """Add the track of a workout, or replace it; its route is looked for afterwards.

    A track that was replaced by one of the same course stays where it is.
    """
    before = _find_track_for_update(conn, workout_pk)
    if before is None:
        conn.execute(
            insert(tracks).values(
                workout_pk=workout_pk, generation=1, placed=False, elapsed_s=0.0, distance_m=0.0, **values
            )
        )
    elif any(getattr(before, name) != values[name] for name in ("course", "course_times", "sport")):
        _leave(conn, workout_pk, before.route_pk)
        conn.execute(
            update(tracks)
            .where(tracks.c.workout_pk == workout_pk)
            .values(generation=before.generation + 1, placed=False, **values)
        )
    else:
        conn.execute(
            update(tracks)
            .where(tracks.c.workout_pk == workout_pk)
            .values(generation=before.generation + 1, **values)
        )
        return
    raise_signal(conn, UNPLACED)


def remove_track(conn: Connection, workout_pk: int) -> None:
    """Forget where a workout went; its route finds another model, or goes."""
    before = _find_track_for_update(conn, workout_pk)
    if before is None:
        return
    _leave(conn, workout_pk, before.route_pk)
    conn.execute(delete(tracks).where(tracks.c.workout_pk == workout_pk))


def lock_track(conn: Connection, workout_pk: int, generation: int) -> bool:
    """Lock a track until the transaction ends; False when it was made anew, or has gone."""
    found = conn.execute(
        select(tracks.c.generation).where(tracks.c.workout_pk == workout_pk).with_for_update()
    ).scalar_one_or_none()
    return found == generation


def place_track(
    conn: Connection, workout_pk: int, route_pk: int | None, elapsed_s: float, distance_m: float
) -> None:
    """Say on which route a workout was, and how it fared."""
    conn.execute(
        update(tracks)
        .where(tracks.c.workout_pk == workout_pk)
        .values(placed=True, route_pk=route_pk, elapsed_s=elapsed_s, distance_m=distance_m)
    )


def add_route(
    conn: Connection, user_id: str, sport: int, *, model_pk: int, course: Course, now_ms: int
) -> int:
    """Add a route of which `model_pk` is the only workout so far; its key."""
    route_pk = conn.execute(
        insert(routes)
        .values(
            route_id=new_ulid(),
            user_id=user_id,
            sport=sport,
            length_m=course.length_m,
            model_pk=model_pk,
            created_ms=now_ms,
        )
        .returning(routes.c.route_pk)
    ).scalar_one()
    _add_cells(conn, user_id, route_pk, course)
    return int(route_pk)


def lock_route(conn: Connection, route_pk: int) -> Row[Any] | None:
    """A route that stays until the transaction ends; None when it has gone."""
    return conn.execute(select(routes).where(routes.c.route_pk == route_pk).with_for_update()).one_or_none()


def _leave(conn: Connection, workout_pk: int, route_pk: int | None) -> None:
    """Take a workout off its route. Another becomes the model in its place; without any the route goes."""
    if route_pk is None:
        return
    route = lock_route(conn, route_pk)
    conn.execute(update(tracks).where(tracks.c.workout_pk == workout_pk).values(route_pk=None))
    if route is None or route.model_pk != workout_pk:
        return
    heir = conn.execute(
        select(tracks.c.workout_pk, tracks.c.course)
        .where(tracks.c.route_pk == route_pk)
        .order_by(tracks.c.workout_pk)
        .limit(1)
    ).one_or_none()
    if heir is None:
        conn.execute(delete(routes).where(routes.c.route_pk == route_pk))
        return
    course = decode_course(bytes(heir.course))
    conn.execute(delete(route_cells).where(route_cells.c.route_pk == route_pk))
    _add_cells(conn, route.user_id, route_pk, course)
    conn.execute(
        update(routes)
        .where(routes.c.route_pk == route_pk)
        .values(model_pk=heir.workout_pk, length_m=course.length_m)
    )


def _add_cells(conn: Connection, user_id: str, route_pk: int, course: Course) -> None:
    conn.execute(
        insert(route_cells),
        [{"route_pk": route_pk, "cell": cell, "user_id": user_id} for cell in cells_of_model(course)],
    )


def route_of(conn: Connection, user_id: str, workout_id: str) -> Row[Any] | None:
    """The workout's key with its route (None where it has none); None: no such workout of that person."""
    query: Select[Any] = (
        select(
            workouts.c.workout_pk,
            workouts.c.sport,
            tracks.c.placed,
            routes.c.route_pk,
            routes.c.route_id,
            routes.c.length_m,
        )
        .outerjoin(tracks, tracks.c.workout_pk == workouts.c.workout_pk)
        .outerjoin(routes, routes.c.route_pk == tracks.c.route_pk)
        .where(workouts.c.user_id == user_id, workouts.c.workout_id == workout_id)
    )
    return conn.execute(query).one_or_none()


def on_route(
    conn: Connection, route_pk: int, before: tuple[int, int] | None, limit: int
) -> Sequence[Row[Any]]:
    """At most `limit` workouts on a route with their ranks, the latest start first, beyond (start_ms,
    key)."""
    ranked = (
        select(
            tracks,
            workouts.c.workout_id,
            workouts.c.title,
            func.rank().over(order_by=tracks.c.elapsed_s).label("rank"),
        )
        .join(workouts, workouts.c.workout_pk == tracks.c.workout_pk)
        .where(tracks.c.route_pk == route_pk)
        .subquery()
    )
    query = select(ranked)
    if before is not None:
        query = query.where(tuple_(ranked.c.start_ms, ranked.c.workout_pk) < tuple_(*before))
    return conn.execute(
        query.order_by(ranked.c.start_ms.desc(), ranked.c.workout_pk.desc()).limit(limit)
    ).all()


def times_on_route(conn: Connection, route_pk: int) -> Sequence[Row[Any]]:
    """(workout_pk, workout_id, start_ms, elapsed_s) of all workouts on a route, the earliest first."""
    query: Select[Any] = (
        select(tracks.c.workout_pk, workouts.c.workout_id, tracks.c.start_ms, tracks.c.elapsed_s)
        .join(workouts, workouts.c.workout_pk == tracks.c.workout_pk)
        .where(tracks.c.route_pk == route_pk)
        .order_by(tracks.c.start_ms, tracks.c.workout_pk)
    )
    return conn.execute(query).all()
