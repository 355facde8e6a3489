"""A person as others see them: store functions and the shape of what is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import physiology_pb2, privacy_pb2, profile_pb2
from services.chassis.privacy import Shape, View, show_fields
from services.profile import days, physiology
from services.profile.store import handles, profiles

_P = "pulsemesh.profile.v1.PublicProfile"

SHAPE: Shape = {
    f"{_P}.user_id": frozenset({privacy_pb2.ASPECT_PROFILE}),
    f"{_P}.handle": frozenset({privacy_pb2.ASPECT_PROFILE}),
    f"{_P}.display_name": frozenset({privacy_pb2.ASPECT_PROFILE}),
    f"{_P}.bio": frozenset({privacy_pb2.ASPECT_BIO}),
    f"{_P}.links": frozenset({privacy_pb2.ASPECT_BIO}),
    f"{_P}.place": frozenset({privacy_pb2.ASPECT_PLACE}),
    f"{_P}.avatar_id": frozenset({privacy_pb2.ASPECT_AVATAR}),
    f"{_P}.age_years": frozenset({privacy_pb2.ASPECT_AGE}),
    f"{_P}.sex": frozenset({privacy_pb2.ASPECT_SEX}),
    f"{_P}.weight_kg": frozenset({privacy_pb2.ASPECT_WEIGHT}),
    f"{_P}.height_m": frozenset({privacy_pb2.ASPECT_HEIGHT}),
    f"{_P}.functional_threshold_power_w": frozenset(
        {privacy_pb2.ASPECT_PROFILE, privacy_pb2.ASPECT_PHYSIOLOGY}
    ),
    f"{_P}.maximum_heart_rate_bpm": frozenset({privacy_pb2.ASPECT_PROFILE, privacy_pb2.ASPECT_PHYSIOLOGY}),
}
"""See `services.chassis.privacy.fields`."""

_SHOWN: Mapping[int, str] = {
    physiology_pb2.QUANTITY_WEIGHT: "weight_kg",
    physiology_pb2.QUANTITY_HEIGHT: "height_m",
    physiology_pb2.QUANTITY_FUNCTIONAL_THRESHOLD_POWER: "functional_threshold_power_w",
    physiology_pb2.QUANTITY_MAXIMUM_HEART_RATE: "maximum_heart_rate_bpm",
}


def public_profile(
    conn: Connection, user_id: str, view: View, now_ms: int
) -> profile_pb2.PublicProfile | None:
    """What a view shows of a person; None where that is not even that there is one."""
    row = profiles.find(conn, user_id)
    if row is None or not view.shows(privacy_pb2.ASPECT_PROFILE):
        return None
    message = _whole(conn, row, now_ms)
    show_fields(view, message, SHAPE)
    return message


def _whole(conn: Connection, row: Row[Any], now_ms: int) -> profile_pb2.PublicProfile:
    handle = handles.of_person(conn, row.user_id)
    message = profile_pb2.PublicProfile(
        user_id=row.user_id,
        handle="" if handle is None else handle.handle,
        display_name=row.display_name,
        bio=row.bio,
        place=row.place,
        avatar_id=row.avatar_id,
        sex=profile_pb2.ProfileSex.ValueType(row.sex),
    )
    message.links.extend(json.loads(row.links))
    today = days.today(now_ms, row.time_zone)
    if row.birth_date:
        message.age_years = max(days.full_years(days.date_of(row.birth_date, "birth_date"), today), 0)
    for told in physiology.held_on(conn, row.user_id, days.number_of(today), 0):
        if told.quantity in _SHOWN:
            setattr(message, _SHOWN[told.quantity], told.value)
    return message
