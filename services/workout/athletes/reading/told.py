"""Thresholds and settings, as they were told."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import page_tokens
from services.workout.athletes import days, fields
from services.workout.athletes.history import Told
from services.workout.athletes.store import settings, thresholds
from services.workout.athletes.store.settings import Settings

DEFAULT_PAGE = 50


def settings_message(chosen: Settings) -> athlete_pb2.AthleteSettings:
    """The contract's settings."""
    return athlete_pb2.AthleteSettings(
        time_zone=chosen.time_zone,
        start_chronic_load=chosen.start_chronic,
        start_acute_load=chosen.start_acute,
    )


def thresholds_on(
    conn: Connection, user_id: str, request: wire.GetThresholdsRequest, now_ms: int
) -> analysis_pb2.Thresholds:
    """Store function: the answer to GetThresholds.

    Raises:
        InvalidField: the day is none.
    """
    zone = settings.find(conn, user_id).time_zone
    day = days.day_of_text(request.day, "day") if request.day else days.day_of_ms(now_ms, zone)
    held = thresholds.history(conn, user_id).on(day, request.sport)
    return fields.message_of({field: value for field, value in held.items() if field in fields.NAMES})


def history_response(
    request: wire.ListThresholdsRequest, told: Sequence[Told], user_id: str
) -> wire.ListThresholdsResponse:
    """The answer to ListThresholds: an entry a day and sport, the latest day first.

    Raises:
        PageTokenInvalid
    """
    scope = ("thresholds", user_id)
    after = page_tokens.read(request.page_token, *scope)
    entries: dict[tuple[int, int], dict[int, float]] = {}
    for each in told:
        if each.field in fields.NAMES:
            entries.setdefault((-each.from_day, each.sport), {})[each.field] = each.value
    keys = [key for key in sorted(entries) if after is None or key > after]
    size = request.page_size or DEFAULT_PAGE
    response = wire.ListThresholdsResponse(
        entries=[
            athlete_pb2.ThresholdEntry(
                effective_from=days.text_of_day(-key[0]),
                sport=sport_pb2.Sport.ValueType(key[1]),
                thresholds=fields.message_of(entries[key]),
            )
            for key in keys[:size]
        ]
    )
    if len(keys) > size:
        response.next_page_token = page_tokens.write(keys[size - 1], *scope)
    return response
