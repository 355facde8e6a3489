"""Where components sit: store functions, each part of a transaction.

A component sits on at most one piece of gear at a time. What a workout did counts for the installation in
which it began, so that a corrected history gives the sums that it would have given at once.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.chassis.errors import InvalidField
from services.profile.gear import alerting
from services.profile.gear.catalogue import component_types
from services.profile.gear.errors import InstallationNotFound, InstallationOverlaps
from services.profile.gear.inventory import owned
from services.profile.gear.requests import moment_ms, once
from services.profile.gear.store import installations as store
from services.profile.gear.store import inventory
from services.profile.gear.store.inventory import COMPONENT


def found(conn: Connection, user_id: str, installation_id: str) -> Row[Any]:
    """The caller's installation of that id.

    Raises:
        InstallationNotFound
    """
    row = store.find(conn, user_id, installation_id)
    if row is None:
        raise InstallationNotFound(installation_id)
    return row


def install(conn: Connection, user_id: str, request: wire.InstallComponentRequest, now_ms: int) -> str:
    """Put a component on gear, taking it off what it sits on; the id of the installation.

    Raises:
        GearNotFound, InvalidField, InstallationOverlaps, RequestIdReused
    """
    inventory.lock_owner(conn, user_id)
    return once(conn, user_id, request, lambda: _install(conn, user_id, request, now_ms), now_ms)


def remove(
    conn: Connection, user_id: str, request: wire.RemoveComponentRequest, now_ms: int
) -> Row[Any] | None:
    """Take a component off what it sits on; None where it sits nowhere.

    Raises:
        GearNotFound, InvalidField
    """
    inventory.lock_owner(conn, user_id)
    component = _component(conn, user_id, request.component_id)
    at_ms = moment_ms(request, "removed_at", now_ms)
    current = _current(conn, component)
    if current is None:
        return None
    if at_ms <= current.from_ms:
        raise InvalidField("removed_at", "must be after it was installed")
    changed = store.change(conn, current.installation_pk, {"until_ms": at_ms})
    alerting.gear_changed(conn, user_id, component.gear_pk, now_ms)
    return changed


def correct(
    conn: Connection, user_id: str, request: wire.CorrectInstallationRequest, now_ms: int
) -> Row[Any]:
    """Change what was written down of an installation.

    Raises:
        InstallationNotFound, GearNotFound, InvalidField, InstallationOverlaps
    """
    inventory.lock_owner(conn, user_id)
    row = found(conn, user_id, request.installation_id)
    component = inventory.by_key(conn, user_id, row.component_pk)
    values: dict[str, Any] = {"gear_pk": row.gear_pk, "from_ms": row.from_ms, "until_ms": row.until_ms}
    if request.gear_id:
        values["gear_pk"] = _place(conn, user_id, component, request.gear_id).gear_pk
    if request.HasField("installed_at"):
        values["from_ms"] = moment_ms(request, "installed_at", now_ms)
    match request.WhichOneof("end"):
        case "removed_at":
            values["until_ms"] = moment_ms(request, "removed_at", now_ms)
        case "not_removed":
            values["until_ms"] = None if request.not_removed else row.until_ms
        case _:
            pass
    _check_span(conn, row, component, values)
    if values != {name: getattr(row, name) for name in values}:
        row = store.change(conn, row.installation_pk, values)
        alerting.gear_changed(conn, user_id, row.component_pk, now_ms)
    return row


def delete(conn: Connection, user_id: str, installation_id: str, now_ms: int) -> bool:
    """Delete an installation that never was; False where there is none."""
    inventory.lock_owner(conn, user_id)
    row = store.find(conn, user_id, installation_id)
    if row is None:
        return False
    store.remove(conn, row.installation_pk)
    alerting.gear_changed(conn, user_id, row.component_pk, now_ms)
    return True


def _install(conn: Connection, user_id: str, request: wire.InstallComponentRequest, now_ms: int) -> str:
    component = _component(conn, user_id, request.component_id)
    if component.retired_ms is not None:
        raise InvalidField("component_id", "is retired: restore it first")
    gear = _place(conn, user_id, component, request.gear_id)
    at_ms = moment_ms(request, "installed_at", now_ms)
    current = _current(conn, component)
    if current is not None and current.gear_pk == gear.gear_pk and current.from_ms <= at_ms:
        return str(current.installation_id)  # it sits there already
    for other in store.of_component(conn, component.gear_pk):
        if other.from_ms >= at_ms or (other.until_ms is not None and other.until_ms > at_ms):
            raise InstallationOverlaps(other.installation_id)
    if current is not None:
        store.change(conn, current.installation_pk, {"until_ms": at_ms})
    made = store.add(
        conn,
        {
            "installation_id": new_ulid(now_ms),
            "user_id": user_id,
            "component_pk": component.gear_pk,
            "gear_pk": gear.gear_pk,
            "from_ms": at_ms,
        },
    )
    alerting.gear_changed(conn, user_id, component.gear_pk, now_ms)
    return str(made.installation_id)


def _component(conn: Connection, user_id: str, component_id: str) -> Row[Any]:
    row = owned(conn, user_id, component_id)
    if row.kind != COMPONENT:
        raise InvalidField("component_id", "is not a component")
    return row


def _place(conn: Connection, user_id: str, component: Row[Any], gear_id: str) -> Row[Any]:
    """The gear of that id, on which such a component can sit."""
    gear = owned(conn, user_id, gear_id)
    fits = component_types()[component.component_type].fits
    if gear_pb2.GearKind.ValueType(gear.kind) not in fits:
        raise InvalidField("gear_id", "is no gear on which such a component sits")
    return gear


def _current(conn: Connection, component: Row[Any]) -> Row[Any] | None:
    open_ones = [row for row in store.of_component(conn, component.gear_pk) if row.until_ms is None]
    return open_ones[0] if open_ones else None


def _check_span(conn: Connection, row: Row[Any], component: Row[Any], values: dict[str, Any]) -> None:
    from_ms, until_ms = values["from_ms"], values["until_ms"]
    if until_ms is not None and until_ms <= from_ms:
        raise InvalidField("removed_at", "must be after it was installed")
    ends_by = [each for each in (component.retired_ms, component.deleted_ms) if each is not None]
    if ends_by and (until_ms is None or until_ms > min(ends_by)):
        raise InvalidField("removed_at", "must not be after the component went out of use")
    for other in store.of_component(conn, row.component_pk):
        before = until_ms is not None and until_ms <= other.from_ms
        after = other.until_ms is not None and other.until_ms <= from_ms
        if other.installation_pk != row.installation_pk and not before and not after:
            raise InstallationOverlaps(other.installation_id)
