"""The operations that correct a workout, for `client.revisions.revise`.

    client.revisions.revise(workout_id, crop(end=stop), remove_spikes("power"))

Moments are datetimes with a time zone, or milliseconds since 1970 UTC; channels are numbers or names.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from pulsemesh import samples
from pulsemesh.parts.times import milliseconds
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import revision_pb2

__all__ = [
    "Channel",
    "Operation",
    "as_channel",
    "correct_elevation",
    "crop",
    "cut",
    "drop",
    "fill_dropouts",
    "remove_spikes",
    "scale",
]

Channel: TypeAlias = channel_pb2.Channel.ValueType | str
Operation: TypeAlias = revision_pb2.Operation


def crop(start: datetime | int = 0, end: datetime | int = 0) -> Operation:
    """Keep what lies from `start` to `end` (exclusive); 0 keeps the beginning, or the end."""
    wanted = revision_pb2.Crop(start_time_ms=milliseconds(start), end_time_ms=milliseconds(end))
    return Operation(crop=wanted)


def cut(start: datetime | int, end: datetime | int) -> Operation:
    """Leave out what lies from `start` to `end` (exclusive); it becomes a pause."""
    return Operation(cut=revision_pb2.Cut(start_time_ms=milliseconds(start), end_time_ms=milliseconds(end)))


def correct_elevation(
    *,
    remove_outliers: bool = True,
    smoothing_s: float = 0.0,
    offset_m: float | None = None,
    start_altitude_m: float | None = None,
) -> Operation:
    """Correct the altitude: outliers, then noise over `smoothing_s`, then where it stands.

    Raises `ValueError` where both levels are given.
    """
    if offset_m is not None and start_altitude_m is not None:
        raise ValueError("give offset_m or start_altitude_m, not both")
    wanted = revision_pb2.CorrectElevation(remove_outliers=remove_outliers, smoothing_s=smoothing_s)
    if offset_m is not None:
        wanted.offset_m = offset_m
    if start_altitude_m is not None:
        wanted.start_altitude_m = start_altitude_m
    return Operation(correct_elevation=wanted)


def remove_spikes(*channels: Channel, deviations: float = 0.0) -> Operation:
    """Remove values far from their neighbours; none named: heart rate, power, speed, cadence, positions."""
    wanted = revision_pb2.RemoveSpikes(
        channels=[as_channel(channel) for channel in channels], deviations=deviations
    )
    return Operation(remove_spikes=wanted)


def scale(channel: Channel, factor: float = 1.0, offset: float = 0.0, *, source_id: str = "") -> Operation:
    """Make every value `value * factor + offset`, of one source or of all."""
    wanted = revision_pb2.ScaleChannel(
        channel=as_channel(channel), factor=factor, offset=offset, source_id=source_id
    )
    return Operation(scale_channel=wanted)


def drop(channel: Channel | None = None, *, source_id: str = "") -> Operation:
    """Leave out a channel, a source, or a channel of a source."""
    named = channel_pb2.CHANNEL_UNSPECIFIED if channel is None else as_channel(channel)
    return Operation(drop_data=revision_pb2.DropData(channel=named, source_id=source_id))


def fill_dropouts(*channels: Channel, longest_s: float = 0.0) -> Operation:
    """Fill silences of at most `longest_s` (0: ten seconds); none named: heart rate and power."""
    wanted = revision_pb2.FillDropouts(
        channels=[as_channel(channel) for channel in channels], longest_s=longest_s
    )
    return Operation(fill_dropouts=wanted)


def as_channel(channel: Channel) -> channel_pb2.Channel.ValueType:
    """Return a channel by number, or by name: `heart_rate`. Raises `ValueError` for an unknown name."""
    if not isinstance(channel, str):
        return channel
    spec = samples.CHANNEL_BY_NAME.get(channel.strip().lower().replace("-", "_"))
    if spec is None:
        raise ValueError(f"{channel}: no such channel; there are {', '.join(samples.CHANNEL_BY_NAME)}")
    return channel_pb2.Channel.ValueType(spec.channel)
