"""The efforts among which one is ranked: store functions, one for each kind of effort.

Each gives one value a workout, of the athlete's workouts of one sport or of the workouts of a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, func, select

from pulsemesh.samples import CHANNELS
from pulsemesh.workout.v1 import comparison_service_pb2
from services.chassis.errors import InvalidField
from services.workout.athletes.shares import unpack_curve
from services.workout.comparing.standing import RankedEffort
from services.workout.routes import store as route_store
from services.workout.segments import store as segment_store
from services.workout.segments.errors import SegmentNotFound
from services.workout.tables import curves, segment_efforts, tracks, workouts
from services.workout.tables import efforts as best_efforts


@dataclass(frozen=True, slots=True)
class Among:
    """The workout whose effort is ranked, and among whose workouts.

    Attributes:
        group_pks: the workouts of an explicit group; None for all of the athlete's of that sport.
    """

    workout_pk: int
    user_id: str
    sport: int
    group_pks: Sequence[int] | None

    def restrict(self, table: Any) -> ColumnElement[bool]:
        """Which rows of a table with `workout_pk`, `user_id` and `sport` are among them."""
        if self.group_pks is not None:
            return table.c.workout_pk.in_([*self.group_pks, self.workout_pk])  # type: ignore[no-any-return]
        return (table.c.user_id == self.user_id) & (table.c.sport == self.sport)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class EffortsOfKind:
    """Efforts to rank among, and how their values are to be read."""

    efforts: list[RankedEffort]
    unit: str
    lower_is_better: bool


def read_efforts(
    conn: Connection, caller: str, among: Among, wanted: comparison_service_pb2.Effort
) -> EffortsOfKind:
    """The efforts of the kind that is wanted.

    Raises:
        InvalidField: there is no such effort in any workout.
        SegmentNotFound: the caller may not see the segment.
    """
    match wanted.WhichOneof("kind"):
        case "route":
            return EffortsOfKind(_on_route(conn, among), "s", lower_is_better=True)
        case "segment":
            return EffortsOfKind(_on_segment(conn, caller, among, wanted.segment), "s", lower_is_better=True)
        case "mean_maximal":
            channel, duration_s = int(wanted.mean_maximal.channel), wanted.mean_maximal.duration_s
            found = _mean_maximal(conn, among, channel, duration_s)
            return EffortsOfKind(found, CHANNELS[channel].unit, lower_is_better=False)
        case _:
            found = _best_distance(conn, among, wanted.best_distance.distance_m)
            return EffortsOfKind(found, "s", lower_is_better=True)


def _ranked(conn: Connection, query: Select[Any]) -> list[RankedEffort]:
    return [
        RankedEffort(row.workout_pk, row.workout_id, row.start_ms, float(row.value))
        for row in conn.execute(query)
    ]


def _on_route(conn: Connection, among: Among) -> list[RankedEffort]:
    """Times on the route of the workout; whoever of a group was elsewhere is left out."""
    track = route_store.find_track(conn, among.workout_pk)
    if track is None or track.route_pk is None:
        return []
    return _ranked(
        conn,
        select(
            tracks.c.workout_pk,
            workouts.c.workout_id,
            tracks.c.start_ms,
            tracks.c.elapsed_s.label("value"),
        )
        .join(workouts, workouts.c.workout_pk == tracks.c.workout_pk)
        .where(tracks.c.route_pk == track.route_pk, among.restrict(tracks)),
    )


def _on_segment(
    conn: Connection, caller: str, among: Among, wanted: comparison_service_pb2.Effort.OnSegment
) -> list[RankedEffort]:
    """Each workout's fastest time; of the workout itself the effort that was asked for."""
    segment = segment_store.find(conn, caller, wanted.segment_id)
    if segment is None:
        raise SegmentNotFound(wanted.segment_id)
    table = segment_efforts
    on_segment = table.c.segment_pk == segment.segment_pk
    asked = (table.c.workout_pk != among.workout_pk) | (table.c.ordinal == wanted.ordinal)
    query = (
        select(
            table.c.workout_pk,
            workouts.c.workout_id,
            func.min(table.c.start_ms).label("start_ms"),
            func.min(table.c.elapsed_s).label("value"),
        )
        .join(workouts, workouts.c.workout_pk == table.c.workout_pk)
        .where(on_segment, asked if wanted.ordinal else on_segment)
        .group_by(table.c.workout_pk, workouts.c.workout_id)
    )
    if among.group_pks is not None:
        return _ranked(conn, query.where(table.c.workout_pk.in_([*among.group_pks, among.workout_pk])))
    return _ranked(conn, query.where(table.c.user_id == among.user_id))


def _mean_maximal(conn: Connection, among: Among, channel: int, duration_s: int) -> list[RankedEffort]:
    """Best means over a duration; between two durations of a curve, a straight line over their logarithms."""
    rows = conn.execute(
        select(curves.c.workout_pk, workouts.c.workout_id, curves.c.start_ms, curves.c.payload)
        .join(workouts, workouts.c.workout_pk == curves.c.workout_pk)
        .where(curves.c.channel == channel, among.restrict(curves))
    )
    found = []
    for row in rows:
        durations, values = unpack_curve(bytes(row.payload))[:2]
        if len(durations) and durations[0] <= duration_s <= durations[-1]:
            value = float(np.interp(np.log(duration_s), np.log(durations), values))
            found.append(RankedEffort(row.workout_pk, row.workout_id, row.start_ms, value))
    return found


def _best_distance(conn: Connection, among: Among, distance_m: float) -> list[RankedEffort]:
    """Shortest times for one of the distances that are kept of each workout."""
    table = best_efforts
    found = _ranked(
        conn,
        select(table.c.workout_pk, workouts.c.workout_id, table.c.start_ms, table.c.value)
        .join(workouts, workouts.c.workout_pk == table.c.workout_pk)
        .where(table.c.kind == f"distance/{round(distance_m)}", among.restrict(table)),
    )
    if not found:
        known = conn.execute(
            select(table.c.kind).distinct().where(table.c.kind.startswith("distance/"), among.restrict(table))
        ).scalars()
        kept = ", ".join(sorted((kind.removeprefix("distance/") for kind in known), key=int))
        if kept:
            raise InvalidField("effort.best_distance.distance_m", f"there are best efforts over {kept} m")
    return found
