"""Time in zones, by the common models.

A zone reaches from its bound up to the next one's; the first begins at 0, the last has no end. So the zones
of a model hold all recorded seconds whose value is known."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.metrics.grid import FloatArray
from services.workout.metrics.thresholds import Thresholds

_POWER = int(channel_pb2.CHANNEL_POWER)
_HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
_SPEED = int(channel_pb2.CHANNEL_SPEED)

_FIVE = ("1", "2", "3", "4", "5")
_SEVEN = ("1", "2", "3", "4", "5", "6", "7")
_FRIEL = ("1", "2", "3", "4", "5a", "5b", "5c")
_THREE = ("low", "moderate", "high")

_COGGAN_POWER = (0.56, 0.76, 0.91, 1.06, 1.21, 1.51)
"""Shares of functional threshold power: Allen and Coggan 2019, "Training and Racing with a Power Meter"."""
_COGGAN_HEART_RATE = (0.69, 0.84, 0.95, 1.06)
"""Shares of threshold heart rate: the same."""
_FRIEL_CYCLING = (0.81, 0.90, 0.94, 1.00, 1.03, 1.06)
_FRIEL_RUNNING = (0.85, 0.90, 0.95, 1.00, 1.03, 1.06)
"""Shares of lactate threshold heart rate: Friel 2009, "The Triathlete's Training Bible", 3rd ed."""
_FRIEL_PACE = (1.29, 1.13, 1.05, 1.00, 0.96, 0.90)
"""Shares of threshold *pace*, slowest first: Friel 2009, "A quick guide to setting zones". Where his zones
share a value, it belongs to the faster one."""
_TENTHS = (0.60, 0.70, 0.80, 0.90)
"""Shares of maximum heart rate (Edwards 1993, "The Heart Rate Monitor Book"), or of the reserve between
resting and maximum (Karvonen, Kentala and Mustala 1957, Ann Med Exp Biol Fenn 35:307-315). What is below 50
% counts to the first zone, so that zones hold all of the time."""
_POLARISED_HEART_RATE = (0.82, 0.87)
"""Shares of maximum heart rate: Seiler 2010, "What is best practice for training intensity and duration
distribution in endurance athletes?", Int J Sports Physiol Perform 5:276-291."""
_POLARISED_THRESHOLD = (0.76, 1.00)
"""Shares of threshold power: the top of the endurance zone (Coggan) stands for the first lactate threshold,
functional threshold power for the second."""


@dataclass(frozen=True, slots=True)
class ZoneModel:
    """Bounds between zones.

    Attributes:
        name: "power/coggan".
        channel: what it divides.
        bounds: where the second and each later zone begins, growing, in the channel's unit.
        names: one more than bounds.
    """

    name: str
    channel: int
    bounds: tuple[float, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ZoneTimes:
    """Seconds in each zone of a model; shape of `model.names`."""

    model: ZoneModel
    seconds: tuple[float, ...]


def custom(name: str, channel: int, bounds: Sequence[float]) -> ZoneModel:
    """A model of one's own: bounds in the channel's unit; zones are numbered from 1.

    Raises:
        ValueError: the bounds are not positive and growing.
    """
    if any(low >= high for low, high in zip((0.0, *bounds), bounds, strict=False)):
        raise ValueError(f"the bounds of {name} must be positive and grow: {list(bounds)}")
    return ZoneModel(
        name, channel, tuple(bounds), tuple(str(number + 1) for number in range(len(bounds) + 1))
    )


def models(thresholds: Thresholds, sport: int) -> tuple[ZoneModel, ...]:
    """The models whose thresholds are known."""
    return (
        *_power_models(thresholds),
        *_heart_rate_models(thresholds, sport),
        *_pace_models(thresholds, sport),
    )


def _power_models(thresholds: Thresholds) -> Iterator[ZoneModel]:
    threshold = thresholds.functional_threshold_power_w
    if threshold is not None:
        yield ZoneModel("power/coggan", _POWER, _shares(_COGGAN_POWER, threshold), _SEVEN)
        yield ZoneModel("power/polarised", _POWER, _shares(_POLARISED_THRESHOLD, threshold), _THREE)


def _heart_rate_models(thresholds: Thresholds, sport: int) -> Iterator[ZoneModel]:
    threshold = thresholds.lactate_threshold_heart_rate_bpm
    maximum, resting = thresholds.max_heart_rate_bpm, thresholds.resting_heart_rate_bpm
    if threshold is not None:
        friel = _FRIEL_RUNNING if sport == sport_pb2.SPORT_RUNNING else _FRIEL_CYCLING
        yield ZoneModel("heart_rate/coggan", _HEART_RATE, _shares(_COGGAN_HEART_RATE, threshold), _FIVE)
        yield ZoneModel("heart_rate/friel", _HEART_RATE, _shares(friel, threshold), _FRIEL)
    if maximum is not None:
        yield ZoneModel("heart_rate/maximum", _HEART_RATE, _shares(_TENTHS, maximum), _FIVE)
        yield ZoneModel("heart_rate/polarised", _HEART_RATE, _shares(_POLARISED_HEART_RATE, maximum), _THREE)
    if maximum is not None and resting is not None and maximum > resting:
        reserve = tuple(resting + share for share in _shares(_TENTHS, maximum - resting))
        yield ZoneModel("heart_rate/reserve", _HEART_RATE, reserve, _FIVE)


def _pace_models(thresholds: Thresholds, sport: int) -> Iterator[ZoneModel]:
    threshold = thresholds.threshold_speed_mps
    if threshold is not None and sport == sport_pb2.SPORT_RUNNING:
        bounds = tuple(threshold / share for share in _FRIEL_PACE)
        yield ZoneModel("speed/friel", _SPEED, bounds, _FRIEL)


def _shares(shares: Sequence[float], whole: float) -> tuple[float, ...]:
    return tuple(share * whole for share in shares)


def time_in_zones(model: ZoneModel, values: FloatArray, known: int) -> ZoneTimes:
    """Seconds in each zone of values in the model's unit, one a second; NaN, `known` of which are not, count
    nowhere.
    """
    reached = [known, *(int(np.count_nonzero(values >= bound)) for bound in model.bounds), 0]
    return ZoneTimes(model, tuple(float(here - above) for here, above in itertools.pairwise(reached)))


def polarisation_index(low_s: float, moderate_s: float, high_s: float) -> float | None:
    """log10(low / moderate x high x 100), of shares; above 2 is polarised. None where it is not defined.

    Treff, Winkert, Sareban, Steinacker and Sperlich 2019, "The polarization-index", Front Physiol 10:707.
    """
    total = low_s + moderate_s + high_s
    if not (total > 0 and low_s > high_s > 0 and moderate_s > 0):
        return None
    return float(np.log10(low_s / moderate_s * high_s / total * 100))
