"""What an owner does with gear: store functions, each part of a transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.chassis.errors import EtagMismatch, InvalidField
from services.profile.gear import alerting, counting, wear
from services.profile.gear.amounts import whole
from services.profile.gear.assigning import RuleKey, RuleKind, name_key
from services.profile.gear.catalogue import component_types, usual_limits
from services.profile.gear.errors import MOST_GEAR, GearNotFound, NameTaken, TooMuchGear
from services.profile.gear.messages import etag
from services.profile.gear.requests import moment_ms, once
from services.profile.gear.store import installations, rules, workouts
from services.profile.gear.store import inventory as store
from services.profile.gear.store import wear as wear_store
from services.profile.gear.store.inventory import COMPONENT


def owned(conn: Connection, user_id: str, gear_id: str) -> Row[Any]:
    """The caller's gear of that id.

    Raises:
        GearNotFound
    """
    row = store.find(conn, user_id, gear_id)
    if row is None:
        raise GearNotFound(gear_id)
    return row


def create(conn: Connection, user_id: str, request: wire.CreateGearRequest, now_ms: int) -> str:
    """Add gear, and count workouts that name it; the id, of a repeat the first one's.

    Raises:
        InvalidField, NameTaken, TooMuchGear, RequestIdReused
    """
    store.lock_owner(conn, user_id)
    return once(conn, user_id, request, lambda: _create(conn, user_id, request, now_ms), now_ms)


def update(conn: Connection, user_id: str, request: wire.UpdateGearRequest, now_ms: int) -> Row[Any]:
    """Change what the mask names; what is there already changes nothing.

    Raises:
        GearNotFound, EtagMismatch, InvalidField, NameTaken
    """
    values = _edited(request)
    store.lock_owner(conn, user_id)
    row = owned(conn, user_id, request.gear.gear_id)
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not differing:
        return row
    _check_etag(row, request.etag)
    if "name_key" in differing:
        _keep_name(conn, user_id, row)
    changed = _change(conn, row, differing, now_ms, request.gear.name)
    if "name_key" in differing and row.kind != COMPONENT:
        counting.recount(conn, user_id, now_ms)
    alerting.gear_changed(conn, user_id, row.gear_pk, now_ms)
    return changed


def retire(conn: Connection, user_id: str, request: wire.RetireGearRequest, now_ms: int) -> Row[Any]:
    """Take gear out of use from a moment on; a repeat without a moment changes nothing.

    Raises:
        GearNotFound, EtagMismatch, InvalidField
    """
    store.lock_owner(conn, user_id)
    row = owned(conn, user_id, request.gear_id)
    given = request.HasField("retired_at")
    at_ms = moment_ms(request, "retired_at", now_ms)
    if row.retired_ms is not None and (not given or row.retired_ms == at_ms):
        return row
    _check_etag(row, request.etag)
    if row.kind == COMPONENT:
        for put_on in installations.of_component(conn, row.gear_pk):
            if put_on.from_ms >= at_ms or (put_on.until_ms is not None and put_on.until_ms > at_ms):
                raise InvalidField("retired_at", "the component was in use after that")
        installations.end_all_on(conn, user_id, row.gear_pk, at_ms)
    changed = _change(conn, row, {"retired_ms": at_ms}, now_ms)
    _recount_from(conn, user_id, row, min(at_ms, row.retired_ms or at_ms), now_ms)
    return changed


def restore(conn: Connection, user_id: str, request: wire.RestoreGearRequest, now_ms: int) -> Row[Any]:
    """Put gear back into use; a repeat changes nothing.

    Raises:
        GearNotFound, EtagMismatch
    """
    store.lock_owner(conn, user_id)
    row = owned(conn, user_id, request.gear_id)
    if row.retired_ms is None:
        return row
    _check_etag(row, request.etag)
    changed = _change(conn, row, {"retired_ms": None}, now_ms)
    _recount_from(conn, user_id, row, row.retired_ms, now_ms)
    alerting.gear_changed(conn, user_id, row.gear_pk, now_ms)
    return changed


def delete(conn: Connection, user_id: str, gear_id: str, now_ms: int) -> bool:
    """Delete gear and its words; False when there is none. The history of other gear stays what it was."""
    store.lock_owner(conn, user_id)
    row = store.find(conn, user_id, gear_id)
    if row is None:
        return False
    _keep_name(conn, user_id, row)
    installations.end_all_on(conn, user_id, row.gear_pk, now_ms)
    store.erase_words(conn, row.gear_pk, now_ms)
    _recount_from(conn, user_id, row, now_ms, now_ms)
    return True


def _create(conn: Connection, user_id: str, request: wire.CreateGearRequest, now_ms: int) -> str:
    gear = request.gear
    _check_kind(gear)
    if request.imported_names and gear.kind == COMPONENT:
        raise InvalidField("imported_names", "files name bikes and shoes, not their components")
    if store.count(conn, user_id) >= MOST_GEAR:
        raise TooMuchGear
    values: dict[str, Any] = {}
    for fields in (_COLUMNS[name](gear) for name in EDITABLE):
        values |= fields
    row = store.add(
        conn,
        {
            **values,
            "gear_id": new_ulid(now_ms),
            "user_id": user_id,
            "kind": int(gear.kind),
            "component_type": gear.component_type,
            "version": 1,
            "created_ms": now_ms,
            "updated_ms": now_ms,
        },
    )
    if row is None:
        raise NameTaken(gear.name)
    _follow_creation(conn, user_id, request, row, now_ms)
    return str(row.gear_id)


def _follow_creation(
    conn: Connection, user_id: str, request: wire.CreateGearRequest, row: Row[Any], now_ms: int
) -> None:
    for name in request.imported_names:
        if name_key(name):
            key = rules.ShownKey(RuleKey(RuleKind.NAME, match=name_key(name)), name)
            rules.put(conn, user_id, key, 0, [row.gear_pk])
    if row.kind != COMPONENT:
        counting.recount(conn, user_id, now_ms)
    elif request.usual_targets:
        for metric, limit in usual_limits(row.component_type).items():
            value = whole(limit, wear.UNIT[metric])
            wear_store.put(conn, user_id, row.gear_pk, metric, limit_value=value, counted_from_ms=0)
    alerting.gear_changed(conn, user_id, row.gear_pk, now_ms)


def _check_kind(gear: gear_pb2.Gear) -> None:
    if gear.kind == gear_pb2.GEAR_KIND_UNSPECIFIED:
        raise InvalidField("gear.kind", "must be given")
    if gear.kind == gear_pb2.GEAR_KIND_COMPONENT:
        if gear.component_type not in component_types():
            raise InvalidField("gear.component_type", "must be one of ListComponentTypes")
    elif gear.component_type:
        raise InvalidField("gear.component_type", "only components have one")


def _edited(request: wire.UpdateGearRequest) -> dict[str, Any]:
    """The new values of the columns that the mask names; "*" names all that can be edited."""
    paths = list(request.update_mask.paths)
    if not paths:
        raise InvalidField("update_mask", f"must name at least one of {', '.join(EDITABLE)}")
    values: dict[str, Any] = {}
    for name in EDITABLE if "*" in paths else paths:
        if name not in _COLUMNS:
            raise InvalidField("update_mask", f"{name!r} is not one of {', '.join(EDITABLE)}")
        values |= _COLUMNS[name](request.gear)
    return values


def _change(conn: Connection, row: Row[Any], values: dict[str, Any], now_ms: int, name: str = "") -> Row[Any]:
    changed = store.change(conn, row.gear_pk, {**values, "version": row.version + 1, "updated_ms": now_ms})
    if changed is None:
        raise NameTaken(name)
    return changed


def _keep_name(conn: Connection, user_id: str, row: Row[Any]) -> None:
    """Let old workouts that name the gear in their files stay with it when it is not called so any more."""
    key = RuleKey(RuleKind.NAME, match=row.name_key)
    if workouts.any_imported(conn, row.gear_pk) and not rules.load(conn, user_id).has(key):
        rules.put(conn, user_id, rules.ShownKey(key, row.name), 0, [row.gear_pk])


def _recount_from(conn: Connection, user_id: str, row: Row[Any], from_ms: int, now_ms: int) -> None:
    if row.kind != COMPONENT:
        counting.recount(conn, user_id, now_ms, from_ms)


def _check_etag(row: Row[Any], known_etag: str) -> None:
    if known_etag and known_etag != etag(row.version):
        raise EtagMismatch("gear", row.gear_id, etag(row.version))


def _name(gear: gear_pb2.Gear) -> dict[str, Any]:
    if not name_key(gear.name):
        raise InvalidField("gear.name", "must not be blank")
    return {"name": gear.name.strip(), "name_key": name_key(gear.name)}


def _purchased_on(gear: gear_pb2.Gear) -> dict[str, Any]:
    try:
        if gear.purchased_on:
            date.fromisoformat(gear.purchased_on)
    except ValueError:
        raise InvalidField("gear.purchased_on", "must be a day") from None
    return {"purchased_on": gear.purchased_on}


def _earlier_use(gear: gear_pb2.Gear) -> dict[str, Any]:
    return {
        "earlier_distance_cm": whole(gear.earlier_use.distance_m, 100),
        "earlier_duration_ms": whole(gear.earlier_use.duration_s, 1000),
    }


_COLUMNS: dict[str, Callable[[gear_pb2.Gear], dict[str, Any]]] = {
    "name": _name,
    "brand": lambda gear: {"brand": gear.brand},
    "model": lambda gear: {"model": gear.model},
    "purchased_on": _purchased_on,
    "price": lambda gear: {
        "price_currency": gear.price.currency_code,
        "price_minor": gear.price.minor_units,
    },
    "weight_g": lambda gear: {"weight_g": gear.weight_g},
    "notes": lambda gear: {"notes": gear.notes},
    "earlier_use": _earlier_use,
}

EDITABLE = tuple(_COLUMNS)
"""What an owner may change of gear."""
