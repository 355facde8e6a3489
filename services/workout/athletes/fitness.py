"""Fitness, fatigue and form, day by day. Pure.

Chronic and acute load are exponentially weighted means of the load of each day, after Banister, Calvert,
Savage and Bach 1975, "A systems model of training for athletic performance", in the form of Allen and Coggan
(2003):

    x(d) = x(d - 1) + (load(d) - x(d - 1)) (1 - exp(-1 / tau))

with tau = 42 days for chronic and 7 for acute load unless others are asked for. Form, the balance, is chronic
less acute load at the end of the day before. Monotony is the mean of seven days' loads over their
(population) standard deviation, and strain their sum times monotony: Foster 1998, "Monitoring training in
athletes with reference to overtraining syndrome", Med Sci Sports Exerc 30:1164-1168.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

CHRONIC_DAYS = 42.0
ACUTE_DAYS = 7.0
WEEK = 7


@dataclass(frozen=True, slots=True)
class Constants:
    """Time constants in days, and the loads at the end of the day before the first."""

    chronic_days: float = CHRONIC_DAYS
    acute_days: float = ACUTE_DAYS
    start_chronic: float = 0.0
    start_acute: float = 0.0


@dataclass(frozen=True, slots=True)
class Fitness:
    """A value a day, float64, all of shape (days,); NaN where it is not defined.

    Attributes:
        ramp: growth of chronic load within seven days; from the start value within the first week.
        monotony: not defined without load, or where all seven days are alike.
    """

    load: FloatArray
    chronic: FloatArray
    acute: FloatArray
    balance: FloatArray
    ramp: FloatArray
    monotony: FloatArray
    strain: FloatArray

    def between(self, first: int, last: int) -> Fitness:
        """The days from `first` to `last`, counted from the first there is."""
        days = slice(first, last + 1)
        return Fitness(
            *(
                each[days]
                for each in (
                    self.load,
                    self.chronic,
                    self.acute,
                    self.balance,
                    self.ramp,
                    self.monotony,
                    self.strain,
                )
            )
        )


def load_of_days(days: NDArray[np.int64], loads: FloatArray, first_day: int, last_day: int) -> FloatArray:
    """The sum of loads on each day from `first_day` to `last_day`; NaN counts as none.

    `days` and `loads`, shape (workouts,), say what each workout adds to which day.
    """
    length = last_day - first_day + 1
    counted = ~np.isnan(loads) & (days >= first_day) & (days <= last_day)
    return np.bincount(days[counted] - first_day, loads[counted], length).astype(np.float64)


def fitness(load: FloatArray, constants: Constants = Constants()) -> Fitness:
    """The numbers of consecutive days with these loads."""
    chronic = smoothed(load, constants.chronic_days, constants.start_chronic)
    acute = smoothed(load, constants.acute_days, constants.start_acute)
    before = np.concatenate(([constants.start_chronic], chronic))
    tired = np.concatenate(([constants.start_acute], acute))
    week_ago = np.concatenate((np.full(WEEK, constants.start_chronic), chronic))[: len(load)]
    monotony, strain = monotony_and_strain(load)
    return Fitness(
        load=load,
        chronic=chronic,
        acute=acute,
        balance=before[: len(load)] - tired[: len(load)],
        ramp=chronic - week_ago,
        monotony=monotony,
        strain=strain,
    )


def smoothed(load: FloatArray, days: float, start: float) -> FloatArray:
    """The exponentially weighted mean with a time constant of `days`, from `start` on; shape of `load`."""
    share = -math.expm1(-1 / days)
    value, values = start, []
    for each in load.tolist():
        value += (each - value) * share
        values.append(value)
    return np.array(values, np.float64)


def monotony_and_strain(load: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Of the seven days up to each; the first six days and what cannot be divided are NaN."""
    nothing = np.full(len(load), np.nan)
    if len(load) < WEEK:
        return nothing, nothing.copy()
    weeks = np.lib.stride_tricks.sliding_window_view(load, WEEK)
    mean, deviation = weeks.mean(axis=1), weeks.std(axis=1)
    # Seven equal loads: rounding leaves a deviation that is no deviation.
    defined = deviation > 1e-9 * np.maximum(mean, 1)
    monotony = nothing.copy()
    monotony[WEEK - 1 :][defined] = mean[defined] / deviation[defined]
    strain = nothing.copy()
    strain[WEEK - 1 :] = weeks.sum(axis=1) * monotony[WEEK - 1 :]
    return monotony, strain
