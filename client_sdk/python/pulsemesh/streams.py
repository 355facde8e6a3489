"""The streams of a workout, in the units that people use.

On the wire a stream is made of segments of integer columns; here it is one series per
source with a list per channel, None where a value is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from pulsemesh import samples
from pulsemesh.workout.v1 import workout_pb2

__all__ = ["Series", "Streams", "join_segments"]

_WRAP = 1 << 32
_HALF = 1 << 31

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """The samples of one source: sample i is (`times_ms[i]`, `columns[name][i]` for every channel)."""

    source_id: str
    """Empty where the sources were aligned on one axis of time."""
    times_ms: list[int] = field(default_factory=list)
    """Milliseconds since 1970 UTC, never decreasing."""
    columns: dict[str, Values] = field(default_factory=dict)
    """By channel name, such as `heart_rate`; in the channel's unit; None where absent."""

    def __len__(self) -> int:
        return len(self.times_ms)

    def elapsed_s(self) -> list[float]:
        """Return the times as seconds since the first sample."""
        return [(time - self.times_ms[0]) / 1000 for time in self.times_ms]

    def present(self, channel: str) -> tuple[list[int], list[float]]:
        """Return times and values of `channel` where it has a value."""
        values = self.columns.get(channel, [])
        pairs = [(t, v) for t, v in zip(self.times_ms, values, strict=False) if v is not None]
        return [time for time, _ in pairs], [value for _, value in pairs]


@dataclass(frozen=True, slots=True)
class Streams:
    """All series of a workout, one per source."""

    series: Sequence[Series]

    def __iter__(self) -> Iterator[Series]:
        return iter(self.series)

    def __len__(self) -> int:
        return len(self.series)

    @property
    def channels(self) -> list[str]:
        """Names of the channels that have at least one value, in the order of the contract."""
        found = {
            name
            for series in self.series
            for name, values in series.columns.items()
            if any(value is not None for value in values)
        }
        return [spec.name for spec in samples.CHANNELS.values() if spec.name in found]

    def of(self, channel: str) -> Series:
        """Return the series with the most values of `channel`. Raises `KeyError` where none has any."""
        candidates = [(len(one.present(channel)[0]), one) for one in self.series if channel in one.columns]
        count, best = max(candidates, key=lambda pair: pair[0], default=(0, None))
        if best is None or not count:
            raise KeyError(channel)
        return best


def unit_of(channel: str) -> str:
    """Return the unit of a channel by its name: `heart_rate` is in `bpm`."""
    return samples.CHANNEL_BY_NAME[channel].unit


def join_segments(segments: Iterable[workout_pb2.StreamSegment]) -> Streams:
    """Return the whole that the segments of a stream make, in the order in which sources first appear."""
    by_source: dict[str, Series] = {}
    for segment in segments:
        series = by_source.setdefault(segment.source_id, Series(segment.source_id))
        _extend(series, segment)
    return Streams(tuple(by_source.values()))


def _extend(series: Series, segment: workout_pb2.StreamSegment) -> None:
    before = len(series)
    times = list(accumulate(segment.time_deltas_ms, initial=segment.start_time_ms))
    series.times_ms.extend(times)
    for column in segment.columns:
        spec = samples.CHANNELS.get(column.channel)
        if spec is None:
            continue  # a channel of a newer contract than this SDK's
        values = series.columns.setdefault(spec.name, [None] * before)
        values.extend(_decode(column, spec.scale))
    for values in series.columns.values():
        values.extend([None] * (len(series) - len(values)))


def _decode(column: workout_pb2.StreamColumn, scale: float) -> Values:
    integers = list(accumulate(column.deltas))
    if integers and not -_HALF <= min(integers) <= max(integers) < _HALF:
        integers = [(value + _HALF) % _WRAP - _HALF for value in integers]
    if not column.validity:
        return [value / scale for value in integers]
    bits = int.from_bytes(column.validity, "little")
    return [value / scale if bits >> index & 1 else None for index, value in enumerate(integers)]
