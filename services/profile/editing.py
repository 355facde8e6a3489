"""What a person changes of their profile: store functions, each part of a transaction."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from pulsemesh.profile.v1 import profile_pb2
from pulsemesh.profile.v1 import profile_service_pb2 as wire
from services.chassis import outbox
from services.chassis.errors import EtagMismatch, InvalidField
from services.profile import days, events
from services.profile.answering import once
from services.profile.messages import profile_message
from services.profile.store import handles, profiles

OLDEST_YEARS = 130

_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
"""Control characters, and those that turn or hide text."""


def get(conn: Connection, user_id: str, now_ms: int) -> profile_pb2.Profile:
    """The profile, made where there is none."""
    row = profiles.find(conn, user_id) or profiles.lock(conn, user_id, now_ms)
    return profile_message(row, handles.of_person(conn, user_id), now_ms)


def find(conn: Connection, user_id: str, now_ms: int) -> profile_pb2.Profile | None:
    """The profile, None where there is none yet."""
    row = profiles.find(conn, user_id)
    return None if row is None else profile_message(row, handles.of_person(conn, user_id), now_ms)


def update(
    conn: Connection, user_id: str, request: wire.UpdateProfileRequest, now_ms: int
) -> wire.UpdateProfileResponse:
    """Change what the mask names; a change to what is there already changes nothing.

    Raises:
        InvalidField, EtagMismatch, RequestIdReused
    """
    row = profiles.lock(conn, user_id, now_ms)
    values = _edited(request, now_ms)

    def change(at_ms: int) -> wire.UpdateProfileResponse:
        if request.etag and request.etag != f"v{row.version}":
            raise EtagMismatch("profile", user_id, f"v{row.version}")
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        after = row
        if differing:
            after = profiles.change(conn, row, differing, at_ms)
            outbox.append(conn, events.profile_changed(user_id, differing, at_ms))
        handle = handles.of_person(conn, user_id)
        return wire.UpdateProfileResponse(profile=profile_message(after, handle, at_ms))

    return once(conn, user_id, request, change, answer=wire.UpdateProfileResponse, now_ms=now_ms)


def _edited(request: wire.UpdateProfileRequest, now_ms: int) -> dict[str, Any]:
    """Columns and their new values."""
    paths = list(request.update_mask.paths)
    names = list(_FIELDS) if "*" in paths else paths
    if not names:
        raise InvalidField("update_mask", f"must name at least one of {', '.join(_FIELDS)}")
    values = {}
    for name in names:
        read = _FIELDS.get(name)
        if read is None:
            raise InvalidField("update_mask", f"{name!r} is not one of {', '.join(_FIELDS)}")
        values[name] = read(request.profile, now_ms)
    return values


def clean(text: str) -> str:
    """Text in composed form (NFC), without ends of white space and characters that nobody sees."""
    return _UNSEEN.sub("", unicodedata.normalize("NFC", text)).strip()


def _birth_date(profile: profile_pb2.Profile, now_ms: int) -> str:
    if profile.birth_date:
        born = days.date_of(profile.birth_date, "profile.birth_date")
        if not 0 <= days.full_years(born, days.today(now_ms, "")) <= OLDEST_YEARS:
            raise InvalidField("profile.birth_date", "must be the day of birth of somebody who lives")
    return profile.birth_date


def _language(tag: str) -> str:
    """By the conventions of RFC 5646, section 2.1.1: "pt-br" is "pt-BR", "ZH-hant" is "zh-Hant"."""
    first, *others = tag.split("-")
    written = [first.lower()]
    for part in others:
        singleton = len(written[-1]) == 1
        if len(part) == 2 and not singleton:
            written.append(part.upper())
        elif len(part) == 4 and not singleton:
            written.append(part.title())
        else:
            written.append(part.lower())
    return "-".join(written)


_FIELDS: Mapping[str, Callable[[profile_pb2.Profile, int], Any]] = {
    "display_name": lambda profile, _: " ".join(clean(profile.display_name).split()),
    "bio": lambda profile, _: clean(profile.bio),
    "place": lambda profile, _: " ".join(clean(profile.place).split()),
    "birth_date": _birth_date,
    "sex": lambda profile, _: int(profile.sex),
    "units": lambda profile, _: profile.units.SerializeToString(deterministic=True),
    "language": lambda profile, _: _language(profile.language),
    "time_zone": lambda profile, _: days.require_zone(profile.time_zone, "profile.time_zone"),
    "first_day_of_week": lambda profile, _: int(profile.first_day_of_week),
    "links": lambda profile, _: json.dumps(list(dict.fromkeys(profile.links))),
}
