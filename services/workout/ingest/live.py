"""The numbers of a recording as they are committed, for whoever watches it.

At most four messages a second leave for one session, each with the latest value of
every channel; what is published is volatile and may be missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pulsemesh import samples
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2, sample_pb2
from services.chassis.live import LiveChannel

PUBLISH_EVERY_S = 0.25
MAX_VALUES = 500
"""In one message, so that it stays within what the live channel carries; the rest follow in the next."""


def topic(recording_pk: int) -> str:
    """Return the live topic of a recording."""
    return f"recording/{recording_pk}"


class LiveNumbers:
    """Gathers the latest value of every channel of one session and publishes them."""

    def __init__(
        self,
        recording_pk: int,
        opening: wire.OpenRecording,
        live: LiveChannel,
        clock_ms: Callable[[], int],
        *,
        held: int,
    ) -> None:
        """`held` samples of the session's sources were committed before it began."""
        self._topic = topic(recording_pk)
        self._source_ids = [source.source_id for source in opening.sources]
        self._live = live
        self._clock_ms = clock_ms
        self._latest: dict[tuple[int, int], tuple[float, int]] = {}
        self._samples = held
        self._timer: asyncio.TimerHandle | None = None
        self._sending: asyncio.Future[None] | None = None

    def committed(self, batch: sample_pb2.SampleBatch) -> None:
        """Take note of a batch that is durable now."""
        self._samples += samples.sample_count(batch)
        if not self._live.watched(self._topic):
            return
        self._latest.update(
            ((batch.source, channel), value) for channel, value in latest_values(batch).items()
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PUBLISH_EVERY_S, self._flush)

    def close(self) -> None:
        """Publish no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _flush(self) -> None:
        self._timer = None
        message = recording_service_pb2.WatchRecordingResponse(
            state=recording_pb2.RECORDING_STATE_OPEN, samples=self._samples
        )
        message.committed_at.FromMilliseconds(self._clock_ms())
        for source, channel in list(self._latest)[:MAX_VALUES]:
            value, time_ms = self._latest.pop((source, channel))
            message.values.add(
                source_id=self._source_ids[source],
                channel=channel,
                value=value,
                time_ms=time_ms,
            )
        self._sending = asyncio.ensure_future(self._live.publish(self._topic, message.SerializeToString()))


def latest_values(batch: sample_pb2.SampleBatch) -> dict[int, tuple[float, int]]:
    """Return the last present value of every channel, in its unit, with its time in milliseconds."""
    end_ms = batch.start_time_ms + sum(batch.time_deltas_ms)
    latest: dict[int, tuple[float, int]] = {}
    for column in batch.columns:
        if column.validity:
            found = _last_present(batch, column.channel)
            if found is not None:
                latest[column.channel] = found
        else:
            integer = (sum(column.deltas) + 2**31) % 2**32 - 2**31
            latest[column.channel] = (samples.from_wire(column.channel, integer), end_ms)
    return latest


def _last_present(batch: sample_pb2.SampleBatch, channel: int) -> tuple[float, int] | None:
    decoded = samples.decode_batch(batch)
    pairs = zip(reversed(decoded.columns[channel]), reversed(decoded.times_ms), strict=True)
    return next(
        ((samples.from_wire(channel, value), time_ms) for value, time_ms in pairs if value is not None), None
    )
