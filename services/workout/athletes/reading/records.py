"""Personal records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import page_tokens
from services.workout.athletes.store import efforts

DEFAULT_PAGE = 200


def read_records(conn: Connection, user_id: str, request: wire.ListRecordsRequest) -> Sequence[Row[Any]]:
    """Store function: what `records_response` needs."""
    return efforts.all_records(conn, user_id, request.sports, request.kinds)


def records_response(
    request: wire.ListRecordsRequest, rows: Sequence[Row[Any]], user_id: str
) -> wire.ListRecordsResponse:
    """The answer to ListRecords: sports, then kinds (distances, then channels by duration), the latest first.

    Raises:
        PageTokenInvalid
    """
    scope = (
        "records",
        user_id,
        repr((sorted(request.sports), sorted(request.kinds), request.history)),
    )
    after = page_tokens.read(request.page_token, *scope)
    found = _records(rows, history=request.history)
    begin = after[0] if after is not None else 0
    size = request.page_size or DEFAULT_PAGE
    response = wire.ListRecordsResponse(records=found[begin : begin + size])
    if len(found) > begin + size:
        response.next_page_token = page_tokens.write((begin + size, 0), *scope)
    return response


def _records(rows: Sequence[Row[Any]], *, history: bool) -> list[athlete_pb2.PersonalRecord]:
    chains: dict[tuple[int, str], list[Row[Any]]] = {}
    for row in rows:
        chains.setdefault((row.sport, row.kind), []).append(row)
    found = []
    for _, chain in sorted(chains.items(), key=lambda item: _order(item[1][-1])):
        before: list[Row[Any] | None] = [None, *chain[:-1]]
        pairs = list(zip(chain, before, strict=True))[::-1]
        found += [
            record_message(row, previous, current=place == 0)
            for place, (row, previous) in enumerate(pairs if history else pairs[:1])
        ]
    return found


def _order(row: Row[Any]) -> tuple[float, ...]:
    by_distance = row.kind.startswith("distance/")
    return (row.sport, not by_distance, row.channel, row.distance_m if by_distance else row.duration_s)


def record_message(row: Row[Any], previous: Row[Any] | None, *, current: bool) -> athlete_pb2.PersonalRecord:
    """A record, with the one that it beat."""
    message = athlete_pb2.PersonalRecord(
        sport=sport_pb2.Sport.ValueType(row.sport),
        effort=analysis_pb2.BestEffort(
            kind=row.kind,
            channel=channel_pb2.Channel.ValueType(row.channel),
            duration_s=row.duration_s,
            distance_m=row.distance_m,
            value=row.value,
            start_time_ms=row.effort_start_ms,
            end_time_ms=row.effort_end_ms,
        ),
        workout_id=row.workout_id,
        current=current,
    )
    if previous is not None:
        message.improvement = math.fabs(row.value - previous.value)
    message.workout_start_time.FromMilliseconds(row.start_ms)
    return message
