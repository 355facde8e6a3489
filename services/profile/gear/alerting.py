"""Telling an owner, once, that gear is worn. Store functions; the owner is locked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import gear_events_pb2, gear_pb2
from pulsemesh.ulid import new_ulid
from services.chassis import outbox
from services.chassis.auth.principal import cell_of
from services.chassis.call import find_call
from services.profile.gear import wear
from services.profile.gear.store import installations
from services.profile.gear.store import wear as store

PRODUCER = "profile"


def usage_changed(conn: Connection, user_id: str, gear_pks: Collection[int], now_ms: int) -> None:
    """Tell of the targets of these, and of the components that sit or sat on them."""
    rows = store.in_use(conn, user_id)
    if rows and gear_pks:
        affected = set(gear_pks) | installations.components_on(conn, user_id, gear_pks)
        _tell(conn, [row for row in rows if row.gear_pk in affected], now_ms)


def gear_changed(conn: Connection, user_id: str, gear_pk: int, now_ms: int) -> None:
    """Tell of the targets of one piece of gear, whose targets, service log or history changed."""
    _tell(conn, [row for row in store.in_use(conn, user_id) if row.gear_pk == gear_pk], now_ms)


def _tell(conn: Connection, rows: list[Row[Any]], now_ms: int) -> None:
    by_key = {row.gear_pk: row for row in rows}
    for gear_pk, measured in wear.measure(conn, rows, now_ms).items():
        for each in measured:
            _tell_target(conn, by_key[gear_pk], each, now_ms)


def _tell_target(conn: Connection, gear: Row[Any], measured: wear.Wear, now_ms: int) -> None:
    step = measured.reached()
    if step is not None:
        # Whoever is told of 100 per cent needs not be told of 90 any more, should a workout be deleted.
        passed = [each for each in wear.STEPS if each <= step]
        new = [
            each
            for each in passed
            if store.note_reached(conn, gear.user_id, measured.target, measured.cycle_ms, each)
        ]
        if step in new:
            outbox.append(conn, wear_reached(gear, measured, step, now_ms))
    due_ms = measured.due_ms(now_ms)
    if due_ms != measured.target.due_ms:
        store.set_due(conn, gear.gear_pk, measured.metric, due_ms)


def wear_reached(gear: Row[Any], measured: wear.Wear, step_percent: int, now_ms: int) -> Envelope:
    """The event that a target came to a step."""
    event = gear_events_pb2.GearWearReached(
        user_id=gear.user_id,
        gear_id=gear.gear_id,
        gear_name=gear.name,
        kind=gear_pb2.GearKind.ValueType(gear.kind),
        component_type=gear.component_type,
        metric=gear_pb2.WearMetric.ValueType(measured.metric),
        limit=measured.limit,
        used=measured.used,
        step_percent=step_percent,
    )
    if measured.cycle_ms:
        event.cycle_started_at.FromMilliseconds(measured.cycle_ms)
    call = find_call()
    envelope = Envelope(
        event_id=new_ulid(now_ms),
        type=event.DESCRIPTOR.full_name,
        producer=PRODUCER,
        cell=cell_of(gear.user_id),
        subject=gear.user_id,
        traceparent=call.traceparent if call is not None else "",
        payload=event.SerializeToString(),
    )
    envelope.occurred_at.FromMilliseconds(now_ms)
    return envelope
