"""A leg of an activity, one sport, and the summaries and tables that a device makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import (
    BoolArray,
    Int32Array,
    LapPart,
    Marker,
    PoolLength,
    SampleTable,
    SessionPart,
)
from ingest_edge.files.channels import SCALES
from ingest_edge.simulator.athlete import Float64Array

_FIT_ALTITUDE_STEP_M = 0.2


@dataclass(frozen=True)
class Leg:
    """A part of an activity. `columns`: values in channel units by channel, shape (n,), NaN for nothing."""

    sport: str
    sub_sport: str
    start_ms: int
    time_ms: npt.NDArray[np.int64]
    columns: Mapping[str, Float64Array]
    end_ms: int
    lap_ends_ms: Sequence[int]
    lap_trigger: str = "manual"
    pauses_ms: Sequence[tuple[int, int]] = ()
    lengths: tuple[PoolLength, ...] = ()
    pool_length_m: float | None = None
    extra_totals: Mapping[str, float] = field(default_factory=dict)

    @property
    def timer_s(self) -> float:
        """The time the clock ran."""
        return (self.end_ms - self.start_ms - sum(end - start for start, end in self.pauses_ms)) / 1000

    def session(self) -> SessionPart:
        """The summary that the device writes at the end."""
        distance = self.distance_m(self.start_ms, self.end_ms)
        return SessionPart(
            sport=self.sport,
            sub_sport=self.sub_sport,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            elapsed_s=(self.end_ms - self.start_ms) / 1000,
            timer_s=self.timer_s,
            distance_m=distance,
            pool_length_m=self.pool_length_m,
            reported={**self.totals(self.start_ms, self.end_ms), **self.extra_totals},
        )

    def laps(self) -> list[LapPart]:
        """Laps up to each of `lap_ends_ms` and a last one to the end."""
        ends = [*self.lap_ends_ms, self.end_ms]
        starts = [self.start_ms, *self.lap_ends_ms]
        return [self._lap(start, end) for start, end in zip(starts, ends, strict=True) if end > start]

    def markers(self) -> list[Marker]:
        """The pauses; the laps make markers of their own."""
        return [
            marker
            for start, end in self.pauses_ms
            for marker in (Marker("pause", start), Marker("resume", end))
        ]

    def distance_m(self, start_ms: int, end_ms: int) -> float | None:
        """Distance covered from one time to another, to the centimetre."""
        if "distance" not in self.columns:
            return None
        start, end = np.interp([start_ms, end_ms], self.time_ms, self.columns["distance"], left=0.0)
        return round(float(end - start), 2)

    def totals(self, start_ms: int, end_ms: int) -> dict[str, float]:
        """Averages and maxima of what was recorded between two times, as a device reports them."""
        rows = (self.time_ms >= start_ms) & (self.time_ms <= end_ms)
        found: dict[str, float] = {}
        for channel, unit, digits in _REPORTED:
            column = self.columns.get(channel)
            if column is not None and np.isfinite(column[rows]).any():
                found[f"avg_{channel}_{unit}"] = round(float(np.nanmean(column[rows])), digits)
                found[f"max_{channel}_{unit}"] = round(float(np.nanmax(column[rows])), digits)
        if "power" in self.columns and rows.sum() > 30:
            found["normalized_power_w"] = _normalized_power_w(self.columns["power"][rows])
            found["work_j"] = round(float(np.nansum(self.columns["power"][rows])))
        if "altitude" in self.columns:
            climbs = np.diff(self.columns["altitude"][rows])
            found["ascent_m"] = round(float(climbs[climbs > 0].sum()))
            found["descent_m"] = round(float(-climbs[climbs < 0].sum()))
        return found

    def _lap(self, start_ms: int, end_ms: int) -> LapPart:
        paused_ms = sum(max(0, min(end, end_ms) - max(start, start_ms)) for start, end in self.pauses_ms)
        return LapPart(
            start_ms=start_ms,
            end_ms=end_ms,
            elapsed_s=(end_ms - start_ms) / 1000,
            timer_s=(end_ms - start_ms - paused_ms) / 1000,
            distance_m=self.distance_m(start_ms, end_ms),
            trigger="session_end" if end_ms == self.end_ms else self.lap_trigger,
            reported={
                name: value for name, value in self.totals(start_ms, end_ms).items() if name in _LAP_TOTALS
            },
        )


_REPORTED = (("heart_rate", "bpm", 0), ("cadence", "rpm", 0), ("power", "w", 0), ("speed", "mps", 3))
_LAP_TOTALS = frozenset(
    {f"{kind}_{channel}_{unit}" for channel, unit, _ in _REPORTED for kind in ("avg", "max")}
    | {"normalized_power_w", "work_j", "ascent_m", "descent_m"}
)


def record_table(legs: Sequence[Leg]) -> SampleTable:
    """The records of all legs as one table of wire integers, rounded as FIT rounds them."""
    time_ms = np.concatenate([leg.time_ms for leg in legs])
    columns: dict[str, Int32Array] = {}
    validity: dict[str, BoolArray | None] = {}
    for channel in sorted({channel for leg in legs for channel in leg.columns}):
        values = np.concatenate([leg.columns.get(channel, np.full(len(leg.time_ms), np.nan)) for leg in legs])
        valid = np.isfinite(values)
        scaled = _as_fit_rounds(channel, np.where(valid, values, 0.0)) * SCALES[channel]
        columns[channel] = np.where(valid, np.rint(scaled), 0).astype(np.int32)
        validity[channel] = None if valid.all() else valid
    return SampleTable("record", time_ms, columns, validity)


def beat_table(leg: Leg, random: np.random.Generator) -> SampleTable:
    """Heart beats between the records of a leg that agree with its heart rate, give or take a breath."""
    seconds = (leg.time_ms - leg.start_ms) / 1000
    now, end = 0.0, float(seconds[-1])
    pauses = [((start - leg.start_ms) / 1000, (stop - leg.start_ms) / 1000) for start, stop in leg.pauses_ms]
    times, intervals = [], []
    while now < end:
        # While the clock is stopped the device keeps no beats.
        now = next((stop for start, stop in pauses if start <= now < stop), now)
        rate = float(np.interp(now, seconds, leg.columns["heart_rate"]))
        breathing = 0.02 * np.sin(2 * np.pi * now / 4.2) + float(random.normal(0, 0.008))
        interval_ms = round(60_000 / rate * (1 + breathing))
        now += interval_ms / 1000
        times.append(leg.start_ms + round(now * 1000))
        intervals.append(round(interval_ms * SCALES["rr_interval"] / 1000))
    return SampleTable(
        "rr", np.array(times, np.int64), {"rr_interval": np.array(intervals, np.int32)}, {"rr_interval": None}
    )


def _as_fit_rounds(channel: str, values: Float64Array) -> Float64Array:
    """FIT stores altitude in fifths of a metre, temperature in degrees, a balance in percent."""
    if channel == "altitude":
        return np.rint(values / _FIT_ALTITUDE_STEP_M) * _FIT_ALTITUDE_STEP_M
    return np.rint(values) if channel in ("temperature", "left_power") else values


def _normalized_power_w(power: Float64Array) -> float:
    """Fourth root of the mean fourth power of the 30 s moving average (Coggan)."""
    sums = np.cumsum(np.concatenate([[0.0], power]))
    smooth = (sums[30:] - sums[:-30]) / 30
    return round(float(np.mean(smooth**4) ** 0.25))
