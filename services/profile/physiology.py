"""What a body is known to do, by day. Store functions.

Thresholds belong to the workout service: what is told of them here is put into the copy at once, so that
whoever told it sees it, and travels there as an event; what comes back replaces the copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import physiology_pb2
from pulsemesh.profile.v1 import physiology_service_pb2 as wire
from pulsemesh.workout.v1 import events_pb2 as workout_events
from services.chassis import outbox
from services.chassis.database import Transaction
from services.chassis.errors import InvalidField
from services.profile import choosing, days, events
from services.profile.messages import physiology_message
from services.profile.store import physiology as store
from services.profile.store.physiology import FIRST_OF_OURS, Told

THRESHOLDS_CHANGED = workout_events.ThresholdsChanged.DESCRIPTOR.full_name

MAX_TOLD = 5_000
"""Values that one person's history may hold."""

_Q = physiology_pb2.Quantity
_BOUNDS = {
    _Q.QUANTITY_FUNCTIONAL_THRESHOLD_POWER: (1, 1000),
    _Q.QUANTITY_CRITICAL_POWER: (1, 1000),
    _Q.QUANTITY_W_PRIME: (1, 200_000),
    _Q.QUANTITY_LACTATE_THRESHOLD_HEART_RATE: (30, 250),
    _Q.QUANTITY_MAXIMUM_HEART_RATE: (30, 250),
    _Q.QUANTITY_RESTING_HEART_RATE: (20, 150),
    _Q.QUANTITY_THRESHOLD_SPEED: (0.1, 20),
    _Q.QUANTITY_THRESHOLD_SWIM_SPEED: (0.1, 5),
    _Q.QUANTITY_WEIGHT: (20, 400),
    _Q.QUANTITY_HEIGHT: (0.4, 2.8),
    _Q.QUANTITY_VO2_MAX: (5, 110),
}
_OF_NO_SPORT = (_Q.QUANTITY_WEIGHT, _Q.QUANTITY_HEIGHT, _Q.QUANTITY_RESTING_HEART_RATE)


def held_on(conn: Connection, user_id: str, day: int, sport: int) -> list[Told]:
    """What holds on a day for a sport, by quantity: the sport's own value, else that for all."""
    latest: dict[tuple[int, int], Told] = {}
    for told in sorted(store.history(conn, user_id), key=lambda each: each.from_day):
        if told.from_day <= day and told.sport in (0, sport):
            latest[told.quantity, told.sport] = told
    quantities = sorted({quantity for quantity, _ in latest})
    return [latest.get((quantity, sport)) or latest[quantity, 0] for quantity in quantities]


def tell(
    conn: Connection, user_id: str, values: Sequence[physiology_pb2.PhysiologyValue], now_ms: int
) -> list[physiology_pb2.PhysiologyValue]:
    """Say what holds from a day on; returns what was understood.

    Raises:
        InvalidField
    """
    told = [_told(value, place) for place, value in enumerate(values)]
    choosing.lock(conn, user_id)
    if len(store.history(conn, user_id)) + len(told) > MAX_TOLD:
        raise InvalidField("values", f"the history may hold {MAX_TOLD} values")
    store.tell(conn, user_id, told)
    messages = [physiology_message(each.quantity, each.sport, each.from_day, each.value) for each in told]
    _announce(conn, user_id, now_ms, told=messages)
    return messages


def take_back(conn: Connection, user_id: str, request: wire.DeletePhysiologyRequest, now_ms: int) -> bool:
    """Take back what was said of a day; False when nothing had been.

    Raises:
        InvalidField
    """
    day = days.day_of(request.effective_from, "effective_from")
    choosing.lock(conn, user_id)
    deleted = store.take_back(conn, user_id, request.quantity, request.sport, day)
    if deleted:
        gone = physiology_message(request.quantity, request.sport, day, 1)
        _announce(conn, user_id, now_ms, taken_back=[gone])
    return deleted


async def follow_thresholds(transaction: Transaction, envelope: Envelope) -> None:
    """The handler of `THRESHOLDS_CHANGED`: what the workout service keeps is what is shown here."""
    event = workout_events.ThresholdsChanged.FromString(envelope.payload)
    told = [
        Told(value.field, value.sport, days.day_of(value.effective_from, "effective_from"), value.value)
        for value in event.values
        if value.field in _BOUNDS
    ]
    await transaction.run(store.replace_thresholds, event.user_id, event.version, told)


def _announce(
    conn: Connection,
    user_id: str,
    now_ms: int,
    *,
    told: Iterable[physiology_pb2.PhysiologyValue] = (),
    taken_back: Iterable[physiology_pb2.PhysiologyValue] = (),
) -> None:
    """Tell the workout service of thresholds, and those who show profiles of everything."""
    told, taken_back = list(told), list(taken_back)
    outbox.append(conn, events.profile_changed(user_id, ["physiology"], now_ms))
    theirs = [each for each in told if each.quantity < FIRST_OF_OURS]
    gone = [each for each in taken_back if each.quantity < FIRST_OF_OURS]
    if theirs or gone:
        outbox.append(conn, events.physiology_changed(user_id, told=theirs, taken_back=gone, now_ms=now_ms))


def _told(value: physiology_pb2.PhysiologyValue, place: int) -> Told:
    least, most = _BOUNDS[value.quantity]
    if not least <= value.value <= most:
        raise InvalidField(f"values[{place}].value", f"must be from {least:g} to {most:g}")
    if value.sport and value.quantity in _OF_NO_SPORT:
        raise InvalidField(f"values[{place}].sport", "must be unspecified: the value is of no sport")
    day = days.day_of(value.effective_from, f"values[{place}].effective_from")
    return Told(value.quantity, value.sport, day, value.value)
