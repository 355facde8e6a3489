"""What an athlete changes of settings and thresholds, and which workouts that touches: store functions.

Each holds the workouts, then the athlete, as all do that take both. Under the athlete's lock the second of
two equal requests sees the answer of the first, and no workout is stored with thresholds that a change is
about to replace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import Message
from sqlalchemy import Connection, select

from pulsemesh.profile.v1.events_pb2 import PhysiologyChanged
from pulsemesh.workout.v1 import athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import outbox
from services.chassis.errors import InvalidField
from services.workout import events
from services.workout.analysis import queue, recomputations
from services.workout.analysis.recomputations import Asked
from services.workout.athletes import days, fields
from services.workout.athletes.history import History, Told, touched
from services.workout.athletes.store import settings, thresholds
from services.workout.athletes.store.settings import Settings
from services.workout.tables import workouts

MAX_TOLD = 5_000
"""Values that one athlete's history may hold."""


@dataclass(frozen=True, slots=True)
class _State:
    settings: Settings
    history: History


def set_thresholds(
    conn: Connection, user_id: str, request: wire.SetThresholdsRequest, now_ms: int
) -> athlete_pb2.Recomputation:
    """Say what holds from a day on.

    Raises:
        InvalidField, RequestIdReused
    """
    values = fields.values_of(request.thresholds)
    if not values:
        raise InvalidField("thresholds", "must hold at least one field")
    if request.since_ever and request.effective_from:
        raise InvalidField("effective_from", "must be empty when the thresholds hold since ever")

    def change(before: _State) -> None:
        known = thresholds.told(conn, user_id)
        if len(known) + len(values) > MAX_TOLD:
            raise InvalidField("thresholds", f"the history may hold {MAX_TOLD} values")
        told_of = {(each.sport, each.field) for each in known}
        today = days.day_of_ms(now_ms, before.settings.time_zone)
        thresholds.tell(
            conn,
            user_id,
            [
                Told(
                    request.sport, field, _first_day(request, (request.sport, field) in told_of, today), value
                )
                for field, value in values.items()
            ],
        )

    return _changed(conn, user_id, request, change, now_ms)


def follow(conn: Connection, user_id: str, event: PhysiologyChanged, now_ms: int) -> None:
    """Take over what the person told of thresholds elsewhere, and tell what came of it, whatever that is.

    What cannot be taken over (of a sport or quantity that nobody knows here, or too much of it) is left out:
    the answer tells the other side so.
    """

    def change(before: _State) -> None:
        for gone in event.taken_back:
            if gone.quantity in fields.NAMES:
                day = _day_told(gone.effective_from)
                thresholds.take_back(conn, user_id, gone.sport, day, [gone.quantity])
        told = [
            Told(each.sport, each.quantity, _day_told(each.effective_from), each.value)
            for each in event.told
            if each.quantity in fields.NAMES
        ]
        if len(thresholds.told(conn, user_id)) + len(told) <= MAX_TOLD:
            thresholds.tell(conn, user_id, told)

    _changed(conn, user_id, wire.SetThresholdsRequest(), change, now_ms)
    tell_of_thresholds(conn, user_id, now_ms)


def _day_told(text: str) -> int:
    return days.day_of_text(text, "effective_from") if text else days.EVER


def delete_thresholds(
    conn: Connection, user_id: str, request: wire.DeleteThresholdsRequest, now_ms: int
) -> athlete_pb2.Recomputation:
    """Take back what was said of a day.

    Raises:
        InvalidField, RequestIdReused
    """
    unknown = [name for name in request.fields if name not in fields.NUMBERS]
    if unknown:
        raise InvalidField("fields", f"{unknown[0]!r} is none of {', '.join(fields.NUMBERS)}")
    day = days.day_of_text(request.effective_from, "effective_from") if request.effective_from else days.EVER
    numbers = [fields.NUMBERS[name] for name in request.fields]

    def change(before: _State) -> None:
        thresholds.take_back(conn, user_id, request.sport, day, numbers)

    return _changed(conn, user_id, request, change, now_ms)


def update_settings(
    conn: Connection, user_id: str, request: wire.UpdateAthleteSettingsRequest, now_ms: int
) -> athlete_pb2.Recomputation:
    """Replace the settings. A new time zone may put workouts on other days, with other thresholds.

    Raises:
        InvalidField, RequestIdReused
    """
    zone = days.require_zone(request.settings.time_zone, "settings.time_zone")
    new = Settings(zone, request.settings.start_chronic_load, request.settings.start_acute_load)

    def change(before: _State) -> None:
        settings.change(conn, user_id, new, now_ms)

    return _changed(conn, user_id, request, change, now_ms)


def recompute_all(
    conn: Connection, user_id: str, request: wire.StartRecomputationRequest, now_ms: int
) -> athlete_pb2.Recomputation:
    """Analyse all workouts again.

    Raises:
        RequestIdReused
    """
    keys = [key for key, _, _ in _workouts(conn, user_id)]
    settings.lock(conn, user_id)
    asked = _asked(request)
    answered = recomputations.answered(conn, user_id, asked)
    if answered is not None:
        return answered
    return recomputations.begin(conn, user_id, keys, queue.RECOMPUTED, asked=asked, now_ms=now_ms)


def _first_day(request: wire.SetThresholdsRequest, known: bool, today: int) -> int:
    if request.since_ever:
        return days.EVER
    if request.effective_from:
        return days.day_of_text(request.effective_from, "effective_from")
    return today if known else days.EVER


def _changed(
    conn: Connection, user_id: str, request: Any, change: Callable[[_State], None], now_ms: int
) -> athlete_pb2.Recomputation:
    """Change, and queue exactly the workouts for which a value is another than before."""
    rows = _workouts(conn, user_id)
    settings.lock(conn, user_id)
    asked = _asked(request)
    answered = recomputations.answered(conn, user_id, asked)
    if answered is not None:
        return answered
    before, told_before = _state(conn, user_id), thresholds.told(conn, user_id)
    change(before)
    after = _state(conn, user_id)
    if thresholds.told(conn, user_id) != told_before:
        tell_of_thresholds(conn, user_id, now_ms)
    starts = np.array([start_ms for _, start_ms, _ in rows], np.int64)
    sports = np.array([sport for _, _, sport in rows], np.int64)
    differs = touched(
        before.history,
        after.history,
        days.days_of_ms(starts, before.settings.time_zone),
        days.days_of_ms(starts, after.settings.time_zone),
        sports,
    )
    keys = [rows[place][0] for place in np.flatnonzero(differs).tolist()]
    return recomputations.begin(conn, user_id, keys, queue.THRESHOLDS_CHANGED, asked=asked, now_ms=now_ms)


def tell_of_thresholds(conn: Connection, user_id: str, now_ms: int) -> None:
    """Publish the whole history of a locked athlete, for those who keep a copy."""
    version = thresholds.next_version(conn, user_id)
    told = thresholds.told(conn, user_id)
    outbox.append(conn, events.thresholds_changed(user_id, version, told, now_ms))


def _state(conn: Connection, user_id: str) -> _State:
    return _State(settings.find(conn, user_id), thresholds.history(conn, user_id))


def _workouts(conn: Connection, user_id: str) -> list[tuple[int, int, int]]:
    """Key, start and sport of all that count, held so that none is changed or deleted until the end."""
    return [
        (row.workout_pk, row.start_ms, row.sport)
        for row in conn.execute(
            select(workouts.c.workout_pk, workouts.c.start_ms, workouts.c.sport)
            .where(workouts.c.user_id == user_id, workouts.c.hidden.is_(False))
            .order_by(workouts.c.workout_pk)
            .with_for_update(read=True, key_share=True)
        )
    ]


def _asked(request: Message) -> Asked:
    digest = hashlib.sha256(
        request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString(deterministic=True)
    ).digest()
    return Asked(str(getattr(request, "request_id")), digest)  # noqa: B009 - all of these have one
