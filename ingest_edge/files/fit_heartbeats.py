"""Heart beats of a link: RR intervals from `hrv` messages, and the heart rate that a strap kept by itself."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass

import numpy as np

from ingest_edge.files.activity import Loss, SampleTable
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit_clock import FitClock, Float64Array
from ingest_edge.files.fit_messages import FitMessage, Raw, first_number
from ingest_edge.files.fit_profile import TIMESTAMP

HRV_SCALE = 1000
_SILENCE_S = 5.0
"""Beats that fall further behind the records than this were missed: the next one is taken to be now."""

_LEAD_S = 15.0
"""Beats this far ahead of the records are too many (artefacts): those that follow move up to half as far."""

_EVENT_TICKS_PER_S = 1024
_EVENT_WRAP = 4096
_INT32_END = 2.0**31


class BeatCollector:
    """RR intervals, each beside the time of the record before it. An `hrv` message has no time of its own."""

    def __init__(self) -> None:
        self._interval_s = array("d")
        self._record_s = array("d")
        self._now_s = float("nan")
        self._first_s = float("nan")

    def follow(self, record: FitMessage) -> None:
        """Take the time of a record."""
        time = first_number(record.values.get(TIMESTAMP))
        if time is not None:
            self._first_s = time if math.isnan(self._first_s) else self._first_s
            self._now_s = time

    def add(self, message: FitMessage) -> None:
        """Take an `hrv` message."""
        intervals = message.values.get(0)
        for raw in intervals if isinstance(intervals, tuple) else (intervals,):
            if isinstance(raw, int | float):
                self._interval_s.append(raw / HRV_SCALE)
                self._record_s.append(self._now_s)

    @property
    def beats(self) -> Beats:
        """What was collected."""
        return Beats(
            np.frombuffer(self._interval_s, np.float64),
            np.frombuffer(self._record_s, np.float64),
            self._first_s,
        )


@dataclass(frozen=True, slots=True)
class Beats:
    """RR intervals in seconds, and the time in FIT seconds of the record before each, both of shape (n,).

    Where no record came before, its time is NaN. `first_s` is that of the first record of all, or NaN.
    """

    interval_s: Float64Array
    record_s: Float64Array
    first_s: float


def beat_table(beats: Beats, clock: FitClock, losses: list[Loss]) -> SampleTable | None:
    """The table `rr`, or None where the link has no placed beat.

    The first beats end at the first record's time; every later beat follows the one before by its interval,
    catches up with the records after a silence, and waits for them when artefacts have made it run ahead.
    The intervals themselves stay as they were measured.
    """
    if math.isnan(beats.first_s):
        if len(beats.interval_s):
            losses.append(Loss(None, f"{len(beats.interval_s)} heart beats without any time were dropped"))
        return None
    intervals = beats.interval_s * SCALES["rr_interval"]
    return _table("rr", "rr_interval", _beat_times(beats), intervals, clock)


def _beat_times(beats: Beats) -> array[float]:
    times = array("d")
    waiting = int(np.count_nonzero(np.isnan(beats.record_s)))
    before = beats.interval_s[:waiting]
    previous = None
    if waiting:
        start = beats.first_s - float(sum(before.tolist()))
        for interval in before.tolist():
            start += interval
            times.append(start)
        previous = start
    later = zip(beats.interval_s[waiting:].tolist(), beats.record_s[waiting:].tolist(), strict=True)
    for interval, record in later:
        if previous is None:
            previous = record - interval
        beat = previous + (interval / 2 if previous - record > _LEAD_S else interval)
        previous = record if record - beat > _SILENCE_S else beat
        times.append(previous)
    return times


class StoredHeartRateBuilder:
    """Heart rate from `hr` messages: a strap's own memory of a swim, handed over afterwards.

    The first message ties the strap's ticks (1/1024 s) to the clock; the later ones pack the lower 12 bits of
    each beat's tick, eight beats a message, beside as many heart rates.
    """

    def __init__(self) -> None:
        self._seconds = array("d")
        self._rates = array("d")
        self._origin_s: float | None = None
        self._ticks = 0

    def add(self, message: FitMessage) -> None:
        """Take an `hr` message. Beats before the first tie to the clock cannot be placed and are left out."""
        values = message.values
        absolute = [tick for tick in _items(values.get(9)) if tick is not None]
        if absolute:
            self._tie(values, absolute[0])
        ticks = absolute or self._unpacked(values.get(10))
        if self._origin_s is None:
            return
        for tick, rate in zip(ticks, _items(values.get(6)), strict=False):
            if rate is not None:
                self._seconds.append(self._origin_s + tick / _EVENT_TICKS_PER_S)
                self._rates.append(rate)

    def _tie(self, values: dict[int, Raw], tick: float) -> None:
        self._ticks = round(tick)
        time = first_number(values.get(TIMESTAMP))
        if time is not None:
            fraction = (first_number(values.get(0)) or 0) / 32_768
            self._origin_s = time + fraction - tick / _EVENT_TICKS_PER_S

    def _unpacked(self, packed: Raw | None) -> list[int]:
        if not isinstance(packed, tuple) or not all(
            isinstance(item, int) and 0 <= item <= 0xFF for item in packed
        ):
            return []
        bits = int.from_bytes(bytes(packed), "little")
        ticks = []
        for index in range(len(packed) * 8 // 12):
            self._ticks += ((bits >> 12 * index) - self._ticks) % _EVENT_WRAP
            ticks.append(self._ticks)
        return ticks

    def build(self, clock: FitClock) -> SampleTable | None:
        """The table `hr`, or None where the link has no such messages."""
        return _table("hr", "heart_rate", self._seconds, np.frombuffer(self._rates, np.float64), clock)


def _items(value: Raw | None) -> list[float | None]:
    """The numbers of a field that may be an array, None where one is absent."""
    items = value if isinstance(value, tuple) else (value,)
    return [first_number(item) for item in items]


def _table(
    series: str, channel: str, seconds: array[float], numbers: Float64Array, clock: FitClock
) -> SampleTable | None:
    time_ms = clock.unix_ms_array(np.frombuffer(seconds, np.float64))
    placed = ~np.isnan(time_ms) & (np.abs(numbers) < _INT32_END)
    if not placed.any():
        return None
    times = np.rint(time_ms[placed]).astype(np.int64)
    order = np.argsort(times, kind="stable")
    column = np.rint(numbers[placed]).astype(np.int32)
    return SampleTable(series, times[order], {channel: column[order]}, {channel: None})
