"""The power-duration curve of a stretch of days, and what models make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis.errors import InvalidField
from services.workout.athletes import days, power_models
from services.workout.athletes.power_duration import BestCurve, best_of
from services.workout.athletes.power_models import Fit, Model, PowerPoint, Refused
from services.workout.athletes.shares import unpack_curve
from services.workout.athletes.store import efforts, settings

WINDOW_DAYS = 90

_MODELS = {
    Model.WORK_TIME: athlete_pb2.POWER_MODEL_WORK_TIME,
    Model.INVERSE_TIME: athlete_pb2.POWER_MODEL_INVERSE_TIME,
    Model.THREE_PARAMETER: athlete_pb2.POWER_MODEL_THREE_PARAMETER,
}


@dataclass(frozen=True, slots=True)
class Window:
    """Curves of the workouts of some days.

    Attributes:
        workout_ids, payloads: one of each a curve.
    """

    first_day: int
    last_day: int
    workout_ids: Sequence[str]
    payloads: Sequence[bytes]

    def best(self) -> BestCurve:
        """The best of all."""
        return best_of([unpack_curve(payload) for payload in self.payloads])


def read_power(conn: Connection, user_id: str, request: wire.GetPowerDurationRequest, now_ms: int) -> Window:
    """Store function: what `power_response` needs.

    Raises:
        InvalidField: a day is none, or the last is before the first.
    """
    zone = settings.find(conn, user_id).time_zone
    last = (
        days.day_of_text(request.last_day, "last_day") if request.last_day else days.day_of_ms(now_ms, zone)
    )
    first = days.day_of_text(request.first_day, "first_day") if request.first_day else last - WINDOW_DAYS + 1
    if first > last:
        raise InvalidField("first_day", "must not be after the last day")
    return read_window(conn, user_id, int(channel_pb2.CHANNEL_POWER), request.sports, (first, last, zone))


def read_window(
    conn: Connection, user_id: str, channel: int, sports: Sequence[int], within: tuple[int, int, str]
) -> Window:
    """Store function: the curves of a channel; `within` are the first day, the last and the time zone."""
    first, last, zone = within
    rows = efforts.curves_between(
        conn,
        user_id,
        channel,
        list(sports) or [int(sport_pb2.SPORT_CYCLING)],
        (days.start_of_day_ms(first, zone), days.start_of_day_ms(last + 1, zone)),
    )
    return Window(first, last, [workout_id for workout_id, _ in rows], [payload for _, payload in rows])


def power_response(window: Window) -> wire.GetPowerDurationResponse:
    """The answer to GetPowerDuration."""
    best = window.best()
    curve = [
        athlete_pb2.PowerDurationPoint(
            duration_s=duration, power_w=power, workout_id=window.workout_ids[owner]
        )
        for duration, power, owner in zip(
            best.durations_s.tolist(), best.values.tolist(), best.owners.tolist(), strict=True
        )
    ]
    owners = {point.duration_s: point.workout_id for point in curve}
    return wire.GetPowerDurationResponse(
        curve=curve,
        models=[_model(found, owners) for found in power_models.fit_all(points_of(best))],
        first_day=days.text_of_day(window.first_day),
        last_day=days.text_of_day(window.last_day),
    )


def points_of(best: BestCurve) -> list[PowerPoint]:
    """The points of a curve that models look at."""
    known = ((duration, best.at(duration)) for duration in power_models.THREE_PARAMETER_S)
    return [PowerPoint(duration, found[0]) for duration, found in known if found is not None]


def _model(found: Fit | Refused, owners: dict[int, str]) -> athlete_pb2.PowerModelFit:
    points = [
        athlete_pb2.PowerDurationPoint(
            duration_s=round(point.duration_s),
            power_w=point.power_w,
            workout_id=owners.get(round(point.duration_s), ""),
        )
        for point in found.points
    ]
    if isinstance(found, Refused):
        return athlete_pb2.PowerModelFit(model=_MODELS[found.model], refused=found.reason, points=points)
    return athlete_pb2.PowerModelFit(
        model=_MODELS[found.model],
        critical_power_w=found.critical_power_w,
        w_prime_j=found.w_prime_j,
        maximum_power_w=found.maximum_power_w,
        critical_power_error_w=found.critical_power_error_w,
        w_prime_error_j=found.w_prime_error_j,
        maximum_power_error_w=found.maximum_power_error_w,
        residual_w=found.residual_w,
        r_squared=found.r_squared,
        points=points,
    )
