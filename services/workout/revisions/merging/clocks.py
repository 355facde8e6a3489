"""By how much two clocks differ, seen in what both devices measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumns
from services.workout.streams import align

FloatArray = NDArray[np.float64]

COMMON_CHANNELS = tuple(
    int(channel)
    for channel in (
        channel_pb2.CHANNEL_HEART_RATE,
        channel_pb2.CHANNEL_POWER,
        channel_pb2.CHANNEL_SPEED,
        channel_pb2.CHANNEL_CADENCE,
        channel_pb2.CHANNEL_ALTITUDE,
    )
)
MAX_LAG_S = 900
"""Clocks that differ by more than a quarter of an hour are not found; the offset can be given instead."""

LEAST_COMMON_S = 120
"""Common seconds that a lag must leave to be considered."""

LEAST_CORRELATION = 0.6
"""Below, the two do not tell of the same, and no offset is assumed."""

SURE = 0.95
"""A channel that agrees as well as this is believed without looking at the others."""

NEAR_S = 60
AS_GOOD = 0.02
"""Intervals look alike every few minutes: a lag of less than a minute is believed where it agrees as well."""

_SECOND_MS = 1000


@dataclass(frozen=True, slots=True)
class FoundOffset:
    """How the clocks differ.

    Attributes:
        offset_ms: to be added to the times of the other.
        correlation: of the channel with this offset, from -1 to 1.
    """

    offset_ms: int
    correlation: float
    channel: int


def find_offset(
    leader: Sequence[SampleColumns], other: Sequence[SampleColumns], max_lag_s: int = MAX_LAG_S
) -> FoundOffset | None:
    """The offset at which a channel that both measured agrees best; None where none agrees well.

    The normalised cross-correlation is computed at every whole second of lag over the seconds that both know,
    by Fourier transforms (D. Padfield 2012, "Masked Object Registration in the Fourier Domain", IEEE
    Transactions on Image Processing 21:2706); a parabola through the peak gives the part of a second.
    """
    ours, theirs = align(leader), align(other)
    best: FoundOffset | None = None
    for channel in COMMON_CHANNELS:
        if channel not in ours.columns or channel not in theirs.columns:
            continue
        found = _of_channel(ours, theirs, channel, max_lag_s)
        if found is not None and (best is None or found.correlation > best.correlation):
            best = found
        if best is not None and best.correlation >= SURE:
            break  # the other channels cannot tell better
    return best


def _of_channel(
    ours: SampleColumns, theirs: SampleColumns, channel: int, max_lag_s: int
) -> FoundOffset | None:
    origin_ms = min(int(ours.times_ms[0]), int(theirs.times_ms[0]))
    end_ms = max(int(ours.times_ms[-1]), int(theirs.times_ms[-1]))
    seconds = (end_ms - origin_ms) // _SECOND_MS + 1
    if seconds > 7 * 86_400:
        return None  # a week apart or long: not two records of one effort
    values, mask = _grid(ours, channel, origin_ms, seconds)
    other_values, other_mask = _grid(theirs, channel, origin_ms, seconds)
    lags, correlation = _masked_correlation(values, mask, other_values, other_mask, max_lag_s)
    if not np.isfinite(correlation).any():
        return None
    peak = int(np.nanargmax(correlation))
    near = np.where(np.abs(lags) <= NEAR_S, correlation, np.nan)
    if np.isfinite(near).any() and np.nanmax(near) >= correlation[peak] - AS_GOOD:
        peak = int(np.nanargmax(near))
    if correlation[peak] < LEAST_CORRELATION:
        return None
    lag_s = lags[peak] + _vertex(correlation, peak)
    return FoundOffset(round(lag_s * _SECOND_MS), min(float(correlation[peak]), 1.0), channel)


def _grid(
    samples: SampleColumns, channel: int, origin_ms: int, seconds: int
) -> tuple[FloatArray, FloatArray]:
    """Values less their mean, and where there are any: both of shape (seconds,)."""
    column = samples.columns[channel]
    present = column.mask()
    values, mask = np.zeros(seconds), np.zeros(seconds)
    rows = (samples.times_ms[present] - origin_ms) // _SECOND_MS
    told = column.values[present].astype(np.float64)
    values[rows] = told - told.mean()
    mask[rows] = 1.0
    return values, mask


def _masked_correlation(
    ours: FloatArray, mask: FloatArray, theirs: FloatArray, their_mask: FloatArray, max_lag_s: int
) -> tuple[NDArray[np.int64], FloatArray]:
    """Correlation at each lag of -max_lag_s … max_lag_s seconds; NaN with too little in common."""
    size = 1 << int(2 * len(ours) - 1).bit_length()
    ours_f, mask_f, squares_f = (np.fft.rfft(each, size) for each in (ours, mask, ours**2))
    theirs_f, their_mask_f, their_squares_f = (
        np.conj(np.fft.rfft(each, size)) for each in (theirs, their_mask, theirs**2)
    )
    lags = np.arange(-max_lag_s, max_lag_s + 1)
    lags = lags[np.abs(lags) < len(ours)]

    def at_lags(product: NDArray[np.complex128]) -> FloatArray:
        return np.asarray(np.fft.irfft(product, size)[lags], np.float64)

    common = np.rint(at_lags(mask_f * their_mask_f))
    divisor = np.maximum(common, 1)
    ours_sum, their_sum = at_lags(ours_f * their_mask_f), at_lags(mask_f * theirs_f)
    covariance = at_lags(ours_f * theirs_f) - ours_sum * their_sum / divisor
    spread = np.maximum(at_lags(squares_f * their_mask_f) - ours_sum**2 / divisor, 0)
    their_spread = np.maximum(at_lags(mask_f * their_squares_f) - their_sum**2 / divisor, 0)
    least = max(LEAST_COMMON_S, int(common.max()) // 2) if len(common) else LEAST_COMMON_S
    # A value that hardly changes correlates with anything: at least one step squared on the average.
    known = (common >= least) & (spread > divisor) & (their_spread > divisor)
    correlation = np.full(len(lags), np.nan)
    correlation[known] = covariance[known] / np.sqrt(spread[known] * their_spread[known])
    return lags, correlation


def _vertex(values: FloatArray, peak: int) -> float:
    """Where between -0.5 and 0.5 the parabola through the peak and its neighbours is highest."""
    if not 0 < peak < len(values) - 1:
        return 0.0
    before, at, after = values[peak - 1 : peak + 2]
    curvature = before - 2 * at + after
    if not np.isfinite(curvature) or curvature >= 0:
        return 0.0
    return float(np.clip((before - after) / (2 * curvature), -0.5, 0.5))
