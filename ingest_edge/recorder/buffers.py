"""Samples of one source between two writes to the spool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pulsemesh.samples import CHANNEL_BY_NAME, encode_batch, to_wire
from pulsemesh.workout.v1 import recording_pb2, sample_pb2

_BATCH_SAMPLES = 1000

Row = tuple[int, dict[int, int]]
"""A time in milliseconds, and wire integers by channel."""


def wire_values(values: Mapping[str, float]) -> dict[int, int]:
    """Wire integers by channel of values by channel name.

    A value that is not a number, that does not fit into 32 bits, or whose channel the contract does not know
    is left out.
    """
    integers: dict[int, int] = {}
    for name, value in values.items():
        spec = CHANNEL_BY_NAME.get(name)
        if spec is None:
            continue
        try:
            integers[spec.channel] = to_wire(spec.channel, value)
        except (OverflowError, ValueError):
            continue
    return integers


class SourceBuffer:
    """The samples that one source has not written yet, bounded.

    Attributes:
        source_id: the source's name in the recording.
        sensor_id: the sensor behind it; empty for the recorder's own markers.
        announced: the channels that the platform was told of; they can grow until `registered`.
        registered: the spool knows the source.
        stored: samples in the spool.
        lost: samples that were refused because the buffer was full; `lost_noted` of them are counted in the
            spool.
    """

    def __init__(self, source_id: str, sensor_id: str, channels: set[int], capacity: int) -> None:
        self.source_id = source_id
        self.sensor_id = sensor_id
        self.announced = channels
        self.registered = False
        self.stored = 0
        self.lost = 0
        self.lost_noted = 0
        self._capacity = capacity
        self._rows: list[Row] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, time_ms: int, values: dict[int, int]) -> bool:
        """Add a sample; False, and counted, where there is no room."""
        if len(self._rows) >= self._capacity:
            self.lost += 1
            return False
        self._rows.append((time_ms, values))
        return True

    def batches(self, count: int) -> Iterator[sample_pb2.SampleBatch]:
        """The first `count` samples as batches, by columns."""
        for start in range(0, count, _BATCH_SAMPLES):
            rows = self._rows[start : min(start + _BATCH_SAMPLES, count)]
            channels = sorted({channel for _, values in rows for channel in values})
            yield encode_batch(
                0,
                0,
                [time_ms for time_ms, _ in rows],
                {channel: [values.get(channel) for _, values in rows] for channel in channels},
            )

    def written(self, count: int) -> None:
        """The first `count` samples are in the spool."""
        del self._rows[:count]
        self.stored += count

    def give_up(self) -> None:
        """Count what could not be written as lost."""
        self.lost += len(self._rows)
        self._rows.clear()

    def description(self, device: recording_pb2.Device) -> recording_pb2.Source:
        """The source as the platform is told of it."""
        source = recording_pb2.Source(source_id=self.source_id, device=device)
        source.channels.extend(sorted(self.announced))  # type: ignore[arg-type]
        return source
