"""Rows to the contract's messages."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Row

from pulsemesh.profile.v1 import physiology_pb2, privacy_pb2, privacy_service_pb2, profile_pb2
from services.chassis.privacy import DEFAULTS, Audience
from services.profile import days
from services.profile.handles import CHANGED_AT_MOST_EVERY_MS
from services.profile.zones import circle_of

_RULES = sorted(DEFAULTS)


def profile_message(row: Row[Any], handle: Row[Any] | None, now_ms: int) -> profile_pb2.Profile:
    """A profile as its person sees it."""
    message = profile_pb2.Profile(
        user_id=row.user_id,
        display_name=row.display_name,
        bio=row.bio,
        place=row.place,
        birth_date=row.birth_date,
        sex=profile_pb2.ProfileSex.ValueType(row.sex),
        units=profile_pb2.Units.FromString(bytes(row.units)),
        language=row.language,
        time_zone=row.time_zone,
        first_day_of_week=profile_pb2.Weekday.ValueType(row.first_day_of_week),
        links=json.loads(row.links),
        avatar_id=row.avatar_id,
        etag=f"v{row.version}",
    )
    message.created_at.FromMilliseconds(row.created_ms)
    message.updated_at.FromMilliseconds(row.updated_ms)
    if handle is not None:
        message.handle = handle.handle
        if handle.claimed_ms + CHANGED_AT_MOST_EVERY_MS > now_ms:
            message.handle_changeable_at.FromMilliseconds(handle.claimed_ms + CHANGED_AT_MOST_EVERY_MS)
    return message


def zone_message(row: Row[Any], secret: bytes) -> privacy_service_pb2.PrivacyZone:
    """A zone, and the circle that others can measure."""
    return privacy_service_pb2.PrivacyZone(
        zone_id=row.zone_id,
        name=row.name,
        latitude_deg=row.latitude_deg,
        longitude_deg=row.longitude_deg,
        radius_m=row.radius_m,
        circle=circle_message(row, secret),
    )


def circle_message(row: Row[Any], secret: bytes) -> privacy_pb2.HiddenCircle:
    """The circle of a zone's row."""
    circle = circle_of(secret, row.latitude_deg, row.longitude_deg, row.radius_m)
    return privacy_pb2.HiddenCircle(
        latitude_deg=circle.latitude_deg, longitude_deg=circle.longitude_deg, radius_m=circle.radius_m
    )


def rule_message(aspect: int, audience: int) -> privacy_pb2.AspectRule:
    """One choice."""
    return privacy_pb2.AspectRule(
        aspect=privacy_pb2.Aspect.ValueType(aspect), audience=privacy_pb2.Audience.ValueType(audience)
    )


def complete_rules(chosen: dict[int, int]) -> list[privacy_pb2.AspectRule]:
    """One rule for each aspect: as chosen, else by default."""
    return [rule_message(aspect, _audience(chosen, aspect)) for aspect in _RULES]


def _audience(chosen: dict[int, int], aspect: int) -> Audience:
    key = privacy_pb2.Aspect.ValueType(aspect)
    return privacy_pb2.Audience.ValueType(chosen.get(aspect, DEFAULTS[key]))


def physiology_message(
    quantity: int, sport: int, from_day: int, value: float
) -> physiology_pb2.PhysiologyValue:
    """One value of the history."""
    return physiology_pb2.PhysiologyValue(
        quantity=physiology_pb2.Quantity.ValueType(quantity),
        sport=sport,  # type: ignore[arg-type]
        effective_from=days.text_of(from_day),
        value=value,
    )
