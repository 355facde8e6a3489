"""Rows to the contract's messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import gear_pb2
from services.profile.gear import wear
from services.profile.gear.amounts import Amounts, Usage
from services.profile.gear.store import installations, inventory, usage
from services.profile.gear.store.inventory import COMPONENT

_METRICS = (wear.DISTANCE, wear.DURATION, wear.AGE)


def etag(version: int) -> str:
    """The etag of a version of gear."""
    return f"v{version}"


def gear_messages(conn: Connection, rows: Sequence[Row[Any]], now_ms: int) -> list[gear_pb2.Gear]:
    """Store function: gear of one person with its usage, targets and places, in the order of `rows`."""
    if not rows:
        return []
    by_key = {row.gear_pk: row for row in rows}
    used = wear.total(conn, by_key, by_key)
    measured = wear.measure(conn, rows, now_ms)
    components = [row.gear_pk for row in rows if row.kind == COMPONENT]
    places = installations.places(conn, rows[0].user_id, components) if components else {}
    ids = inventory.ids(conn, rows[0].user_id, places.values()) if places else {}
    messages = []
    for row in rows:
        message = _gear(row, used.get(row.gear_pk, Usage()))
        message.targets.extend(each.message() for each in measured.get(row.gear_pk, ()))
        message.installed_on_gear_id = ids.get(places.get(row.gear_pk, 0), "")
        messages.append(message)
    return messages


def installation_messages(
    conn: Connection, user_id: str, rows: Sequence[Row[Any]]
) -> list[gear_pb2.Installation]:
    """Store function: installations with what was done in them."""
    ids = inventory.ids(conn, user_id, {pk for row in rows for pk in (row.component_pk, row.gear_pk)})
    used = usage.of_installations(conn, [row.installation_pk for row in rows])
    return [_installation(row, ids, used.get(row.installation_pk, Usage())) for row in rows]


def record_message(row: Row[Any], gear_id: str) -> gear_pb2.ServiceRecord:
    """A line of a service log."""
    message = gear_pb2.ServiceRecord(
        record_id=row.record_id,
        gear_id=gear_id,
        description=row.description,
        cost=_price(row.cost_currency, row.cost_minor),
        resets=[gear_pb2.WearMetric.ValueType(each) for each in _METRICS if row.resets & (1 << each)],
    )
    message.serviced_at.FromMilliseconds(row.serviced_ms)
    return message


def _gear(row: Row[Any], used: Usage) -> gear_pb2.Gear:
    earlier = Amounts(row.earlier_distance_cm, row.earlier_duration_ms)
    message = gear_pb2.Gear(
        gear_id=row.gear_id,
        kind=gear_pb2.GearKind.ValueType(row.kind),
        component_type=row.component_type,
        name=row.name,
        brand=row.brand,
        model=row.model,
        purchased_on=row.purchased_on,
        price=_price(row.price_currency, row.price_minor),
        weight_g=row.weight_g,
        notes=row.notes,
        usage=used.message(earlier),
        etag=etag(row.version),
    )
    if earlier != Amounts():
        message.earlier_use.distance_m = row.earlier_distance_cm / 100
        message.earlier_use.duration_s = row.earlier_duration_ms / 1000
    for name, moment in (
        ("first_used_at", used.first_ms),
        ("last_used_at", used.last_ms),
        ("retired_at", row.retired_ms),
        ("created_at", row.created_ms),
        ("updated_at", row.updated_ms),
    ):
        if moment is not None:
            getattr(message, name).FromMilliseconds(moment)
    return message


def _installation(row: Row[Any], ids: Mapping[int, str], used: Usage) -> gear_pb2.Installation:
    message = gear_pb2.Installation(
        installation_id=row.installation_id,
        component_id=ids[row.component_pk],
        gear_id=ids[row.gear_pk],
        usage=used.message(),
    )
    message.installed_at.FromMilliseconds(row.from_ms)
    if row.until_ms is not None:
        message.removed_at.FromMilliseconds(row.until_ms)
    return message


def _price(currency: str, minor_units: int) -> gear_pb2.Price | None:
    return gear_pb2.Price(currency_code=currency, minor_units=minor_units) if currency else None
