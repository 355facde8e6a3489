"""What a person chooses that others may see: rules and zones. Store functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import privacy_pb2
from pulsemesh.profile.v1 import privacy_service_pb2 as wire
from pulsemesh.ulid import new_ulid
from services.chassis import outbox
from services.chassis.errors import InvalidField
from services.profile import events
from services.profile.answering import once
from services.profile.editing import clean
from services.profile.errors import TooManyZones
from services.profile.messages import circle_message, complete_rules, rule_message, zone_message
from services.profile.store import privacy as store

MAX_ZONES = 16


def lock(conn: Connection, user_id: str) -> Row[Any]:
    """Hold what belongs to a person until the transaction ends."""
    return store.lock(conn, user_id)


def settings(conn: Connection, user_id: str) -> privacy_pb2.PrivacySettings:
    """By what it is decided what others see; for somebody who never chose, the defaults."""
    row = store.find(conn, user_id)
    if row is None:
        return privacy_pb2.PrivacySettings()
    rules = [rule_message(*rule) for rule in store.rules(conn, user_id).items()]
    circles = [circle_message(zone, bytes(row.secret)) for zone in store.zones(conn, user_id)]
    return privacy_pb2.PrivacySettings(rules=rules, circles=circles, version=row.version)


def complete_settings(conn: Connection, user_id: str) -> privacy_pb2.PrivacySettings:
    """The same with a rule for each aspect."""
    chosen = settings(conn, user_id)
    rules = complete_rules(store.rules(conn, user_id))
    return privacy_pb2.PrivacySettings(rules=rules, circles=chosen.circles, version=chosen.version)


def choose(
    conn: Connection, user_id: str, rules: Sequence[privacy_pb2.AspectRule], now_ms: int
) -> privacy_pb2.PrivacySettings:
    """Set rules; the others stay.

    Raises:
        InvalidField: an aspect has two.
    """
    chosen = {int(rule.aspect): int(rule.audience) for rule in rules}
    if len(chosen) < len(rules):
        raise InvalidField("rules", "must hold one rule an aspect")
    row = store.lock(conn, user_id)
    before = store.rules(conn, user_id)
    if before != before | chosen:
        store.choose(conn, user_id, chosen)
        _changed(conn, row, now_ms)
    return complete_settings(conn, user_id)


def zones(conn: Connection, user_id: str) -> list[wire.PrivacyZone]:
    """A person's zones."""
    row = store.find(conn, user_id)
    secret = b"" if row is None else bytes(row.secret)
    return [zone_message(zone, secret) for zone in store.zones(conn, user_id)]


def create_zone(
    conn: Connection, user_id: str, request: wire.CreatePrivacyZoneRequest, now_ms: int
) -> wire.CreatePrivacyZoneResponse:
    """Make a zone.

    Raises:
        TooManyZones, RequestIdReused
    """
    row = store.lock(conn, user_id)

    def create(at_ms: int) -> wire.CreatePrivacyZoneResponse:
        if len(store.zones(conn, user_id)) >= MAX_ZONES:
            raise TooManyZones(MAX_ZONES)
        zone = request.zone
        zone_id = new_ulid(at_ms)
        values = {
            "zone_id": zone_id,
            "user_id": user_id,
            "name": clean(zone.name),
            "latitude_deg": zone.latitude_deg,
            "longitude_deg": zone.longitude_deg,
            "radius_m": zone.radius_m,
            "created_ms": at_ms,
        }
        store.add_zone(conn, values)
        _changed(conn, row, at_ms)
        made = next(each for each in zones(conn, user_id) if each.zone_id == zone_id)
        return wire.CreatePrivacyZoneResponse(zone=made)

    return once(conn, user_id, request, create, answer=wire.CreatePrivacyZoneResponse, now_ms=now_ms)


def delete_zone(conn: Connection, user_id: str, zone_id: str, now_ms: int) -> bool:
    """Forget a zone; False when there was none."""
    row = store.lock(conn, user_id)
    deleted = store.remove_zone(conn, user_id, zone_id)
    if deleted:
        _changed(conn, row, now_ms)
    return deleted


def _changed(conn: Connection, row: Row[Any], now_ms: int) -> None:
    version = store.count_up(conn, row)
    outbox.append(conn, events.privacy_changed(row.user_id, version, now_ms))
