"""The service log, and the targets that it resets: store functions, each part of a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.profile.gear import alerting, wear
from services.profile.gear.amounts import whole
from services.profile.gear.errors import RecordNotFound
from services.profile.gear.inventory import owned
from services.profile.gear.requests import moment_ms, once
from services.profile.gear.store import installations as store
from services.profile.gear.store import inventory
from services.profile.gear.store import wear as targets


def add_record(conn: Connection, user_id: str, request: wire.AddServiceRecordRequest, now_ms: int) -> str:
    """Write a line into the log of gear; its id, of a repeat the first one's.

    Raises:
        GearNotFound, InvalidField, RequestIdReused
    """
    inventory.lock_owner(conn, user_id)

    def make() -> str:
        gear = owned(conn, user_id, request.gear_id)
        told = request.record
        made = store.add_record(
            conn,
            {
                "record_id": new_ulid(now_ms),
                "user_id": user_id,
                "gear_pk": gear.gear_pk,
                "serviced_ms": moment_ms(told, "serviced_at", now_ms),
                "description": told.description,
                "cost_currency": told.cost.currency_code,
                "cost_minor": told.cost.minor_units,
                "resets": sum(1 << int(metric) for metric in set(told.resets)),
            },
        )
        alerting.gear_changed(conn, user_id, gear.gear_pk, now_ms)
        return str(made.record_id)

    return once(conn, user_id, request, make, now_ms)


def record(conn: Connection, user_id: str, record_id: str) -> Row[Any]:
    """The caller's line of a log of that id.

    Raises:
        RecordNotFound
    """
    row = store.find_record(conn, user_id, record_id)
    if row is None:
        raise RecordNotFound(record_id)
    return row


def delete_record(conn: Connection, user_id: str, record_id: str, now_ms: int) -> bool:
    """Delete a line of a log; False where there is none."""
    inventory.lock_owner(conn, user_id)
    row = store.find_record(conn, user_id, record_id)
    if row is None:
        return False
    store.remove_record(conn, row.record_pk)
    alerting.gear_changed(conn, user_id, row.gear_pk, now_ms)
    return True


def set_target(conn: Connection, user_id: str, request: wire.SetWearTargetRequest, now_ms: int) -> Row[Any]:
    """Set the target of a metric; the gear.

    Raises:
        GearNotFound, InvalidField
    """
    inventory.lock_owner(conn, user_id)
    gear = owned(conn, user_id, request.gear_id)
    given = request.HasField("counted_from")
    targets.put(
        conn,
        user_id,
        gear.gear_pk,
        int(request.metric),
        limit_value=max(whole(request.limit, wear.UNIT[int(request.metric)]), 1),
        counted_from_ms=moment_ms(request, "counted_from", now_ms) if given else 0,
    )
    alerting.gear_changed(conn, user_id, gear.gear_pk, now_ms)
    return gear


def delete_target(conn: Connection, user_id: str, request: wire.DeleteWearTargetRequest) -> bool:
    """Take a target away; False where there is none.

    Raises:
        GearNotFound
    """
    inventory.lock_owner(conn, user_id)
    gear = owned(conn, user_id, request.gear_id)
    return targets.remove(conn, gear.gear_pk, int(request.metric))
