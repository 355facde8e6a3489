"""The recorder: takes what sensors report, at once, and writes it to the spool every second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ingest_edge.recorder.buffers import SourceBuffer, wire_values
from ingest_edge.recorder.live import LiveBoard, LiveNumbers
from ingest_edge.recorder.series import BATTERY, KIND_SERIES, MARKER, SERIES_CHANNELS, channel_numbers
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.events import (
    BatteryLevel,
    ConnectionEstablished,
    ConnectionLost,
    ConnectionRestored,
    DeviceInformation,
    Reading,
    SensorDescription,
    SensorEvent,
)
from ingest_edge.spool import NewRecording, RecordingKind, Spool, SpooledRecording, SpoolError, SpoolRefused
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import recording_pb2

OnFlush = Callable[[LiveNumbers], None]
_TEXT_LIMIT = 128


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """What is recorded, and how.

    Attributes:
        writer_id: this gateway, the same for ever.
        flush_interval_s: how often samples are written: what a loss of power can cost at most, besides the
            time of the write itself.
        buffered_samples: samples of one source that wait in memory while the spool refuses them.
    """

    writer_id: str
    sport: sport_pb2.Sport.ValueType = sport_pb2.SPORT_UNSPECIFIED
    sub_sport: sport_pb2.SubSport.ValueType = sport_pb2.SUB_SPORT_UNSPECIFIED
    title: str = ""
    flush_interval_s: float = 1.0
    buffered_samples: int = 3600


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """What became of one source: samples in the spool, and samples that there was no room for."""

    source_id: str
    stored: int
    lost: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording. `unusable` counts readings without a single value that can be kept."""

    recording_id: str
    elapsed_s: float
    sources: tuple[RecordedSource, ...]
    unusable: int

    @property
    def stored(self) -> int:
        """Samples of all sources in the spool."""
        return sum(source.stored for source in self.sources)

    @property
    def lost(self) -> int:
        """Samples of all sources for which there was no room."""
        return sum(source.lost for source in self.sources)


class Recorder:
    """Records one recording. It is the `EventSink` of the sensors: `offer` never waits.

    Each series of each sensor is a source `<sensor id>/<series>`; laps, pauses and the loss and return of
    sensors are samples of `<writer id>/marker`. A sensor that is found late adds its source to the recording.

    Args:
        sensors: those expected. Their sources exist from the start; others are taken as they come.
        on_flush: called after every write to the spool with the numbers of now.
        resume: go on with this interrupted recording instead of beginning one.
    """

    def __init__(
        self,
        spool: Spool,
        settings: RecorderSettings,
        sensors: Sequence[SensorDescription] = (),
        *,
        clock: SampleClock | None = None,
        on_flush: OnFlush | None = None,
        resume: SpooledRecording | None = None,
    ) -> None:
        self._spool = spool
        self._settings = settings
        self._sensors = {sensor.sensor_id: sensor for sensor in sensors}
        self._clock = clock or SampleClock()
        self.on_flush = on_flush
        self._resumed = resume
        self._start_ms = resume.start_time_ms if resume is not None else self._clock.now_ms()
        self.recording_id = resume.recording_id if resume is not None else new_ulid(self._start_ms)
        self._board = LiveBoard({sensor.sensor_id: sensor.name for sensor in sensors})
        self._devices: dict[str, recording_pb2.Device] = {}
        self._changed_devices: set[str] = set()
        self._buffers: dict[str, SourceBuffer] = {}
        self._marker_id = f"{settings.writer_id}/{MARKER}"
        self._last_reading_ms = self._clock.now_ms()
        self._paused = False
        self._laps = 1
        self._unusable = 0
        self._trouble = ""
        self._stopping = asyncio.Event()
        self._flushing = asyncio.Lock()

    # The life of a recording.

    async def start(self) -> None:
        """Begin the recording in the spool, or take up the interrupted one.

        Raises:
            SpoolFull: there is too little room for another recording.
        """
        self._buffer(self._marker_id, "", channel_numbers(SERIES_CHANNELS[MARKER]))
        for sensor in self._sensors.values():
            for kind in sorted(sensor.kinds):
                series = KIND_SERIES[kind]
                self._buffer(
                    f"{sensor.sensor_id}/{series}", sensor.sensor_id, channel_numbers(SERIES_CHANNELS[series])
                )
        if self._resumed is not None:
            self._take_up(self._resumed)
            return
        settings = self._settings
        new = NewRecording(
            self.recording_id,
            RecordingKind.LIVE,
            settings.writer_id,
            settings.sport,
            settings.sub_sport,
            self._start_ms,
            settings.title,
        )
        await self._spool.begin(new, [self._described(buffer) for buffer in self._buffers.values()])
        for buffer in self._buffers.values():
            buffer.registered = True

    async def run(self) -> None:
        """Write to the spool every `flush_interval_s` until `stop`.

        Raises:
            SpoolError: the spool cannot be used any more. A full one is not that: it is tried again.
        """
        while not self._stopping.is_set():
            await self.flush()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._settings.flush_interval_s)

    async def stop(self) -> Recorded:
        """Write what is left and finish the recording; returns the counts of every source.

        A recording that was never given a sample is forgotten: finished, it would go to the platform.

        Raises:
            SpoolError: the end could not be noted. What was written before is safe; the next start ends it.
        """
        self._stopping.set()
        await self.flush()
        for buffer in self._buffers.values():
            buffer.give_up()
        await self._note_lost()
        recorded = self.result()
        if recorded.stored or recorded.lost:
            details = recording_pb2.RecordingDetails(title=self._settings.title)
            await self._spool.finish(self.recording_id, details)
        else:
            await self._spool.discard(self.recording_id)
        return recorded

    def result(self) -> Recorded:
        """What was recorded so far."""
        sources = tuple(
            RecordedSource(buffer.source_id, buffer.stored, buffer.lost) for buffer in self._buffers.values()
        )
        return Recorded(self.recording_id, self._elapsed_s(), sources, self._unusable)

    def live(self) -> LiveNumbers:
        """The numbers of now."""
        buffers = self._buffers.values()
        return LiveNumbers(
            recording_id=self.recording_id,
            elapsed_s=self._elapsed_s(),
            paused=self._paused,
            laps=self._laps,
            stored=sum(buffer.stored for buffer in buffers),
            lost=sum(buffer.lost for buffer in buffers),
            trouble=self._trouble,
            sensors=self._board.sensors(),
        )

    @property
    def silence_s(self) -> float:
        """Seconds since the last reading, or since this object was made."""
        return (self._clock.now_ms() - self._last_reading_ms) / 1000

    # What happens.

    def offer(self, event: SensorEvent) -> bool:
        """Take an event at once; False where a reading was refused for lack of room, or after the end."""
        if self._stopping.is_set():
            return False
        match event:
            case Reading(sensor_id, series, time_ms, values):
                self._last_reading_ms = self._clock.now_ms()
                self._board.reading(sensor_id, values, time_ms)
                return self._add(sensor_id, series, time_ms, values)
            case ConnectionEstablished(sensor_id):
                self._board.connection(sensor_id, connected=True)
            case ConnectionLost(sensor_id, time_ms):
                self._board.connection(sensor_id, connected=False)
                self._mark(channel_pb2.MARKER_KIND_SENSOR_LOST, time_ms)
            case ConnectionRestored(sensor_id, time_ms):
                self._board.connection(sensor_id, connected=True)
                self._mark(channel_pb2.MARKER_KIND_SENSOR_FOUND, time_ms)
            case BatteryLevel(sensor_id, time_ms, percent):
                self._board.battery(sensor_id, percent)
                return self._add(sensor_id, BATTERY, time_ms, {"battery": percent})
            case DeviceInformation(sensor_id, _, fields):
                self._learn(sensor_id, fields)
        return True

    def lap(self) -> None:
        """The lap that runs ends now and the next begins."""
        self._laps += 1
        self._mark(channel_pb2.MARKER_KIND_LAP, self._clock.now_ms())

    def pause(self) -> None:
        """Stop the clock; sensors are recorded all the same. A repeat changes nothing."""
        if not self._paused:
            self._paused = True
            self._mark(channel_pb2.MARKER_KIND_PAUSE, self._clock.now_ms())

    def resume(self) -> None:
        """Start the clock again."""
        if self._paused:
            self._paused = False
            self._mark(channel_pb2.MARKER_KIND_RESUME, self._clock.now_ms())

    async def flush(self) -> None:
        """Write to the spool what came since the last time, all or nothing.

        What the spool refuses for lack of room stays in memory, bounded, and is tried again.

        Raises:
            SpoolError: the spool cannot be used.
        """
        async with self._flushing:
            try:
                await self._write()
            except SpoolRefused as refused:
                self._trouble = str(refused)
            else:
                self._trouble = ""
        if self.on_flush is not None:
            self.on_flush(self.live())

    async def _write(self) -> None:
        counts = {buffer: len(buffer) for buffer in self._buffers.values() if len(buffer)}
        await self._register(counts)
        batches = [(buffer.source_id, batch) for buffer, n in counts.items() for batch in buffer.batches(n)]
        if batches:
            await self._spool.append_all(self.recording_id, batches)
            for buffer, count in counts.items():
                buffer.written(count)
        await self._note_lost()

    async def _register(self, buffers: Mapping[SourceBuffer, int]) -> None:
        """Tell the spool of sources that are new, and of devices that told more about themselves."""
        described = [
            buffer
            for buffer in self._buffers.values()
            if (buffer in buffers and not buffer.registered)
            or (buffer.registered and buffer.sensor_id in self._changed_devices)
        ]
        learned = set(self._changed_devices)
        if not described:
            return
        sources = [self._described(buffer) for buffer in described]
        new = [buffer for buffer in described if not buffer.registered]
        # From here on their channels are announced: what comes meanwhile must not add to them.
        for buffer in new:
            buffer.registered = True
        try:
            await self._spool.add_sources(self.recording_id, sources)
        except SpoolRefused:
            for buffer in new:
                buffer.registered = False
            raise
        self._changed_devices -= learned

    async def _note_lost(self) -> None:
        lost = {
            buffer.source_id: buffer.lost - buffer.lost_noted
            for buffer in self._buffers.values()
            if buffer.registered and buffer.lost > buffer.lost_noted
        }
        if not lost:
            return
        # A full spool keeps room for this; where even that fails, our own result still has the count.
        with contextlib.suppress(SpoolError):
            await self._spool.note_lost(self.recording_id, lost)
            for source_id, count in lost.items():
                self._buffers[source_id].lost_noted += count

    # Sources.

    def _add(self, sensor_id: str, series: str, time_ms: int, values: Mapping[str, float]) -> bool:
        integers = wire_values(values)
        if not integers:
            self._unusable += 1
            return True
        return self._source(sensor_id, series, set(integers)).add(time_ms, integers)

    def _mark(self, kind: channel_pb2.MarkerKind.ValueType, time_ms: int) -> None:
        self._buffers[self._marker_id].add(time_ms, {channel_pb2.CHANNEL_MARKER: int(kind)})

    def _source(self, sensor_id: str, series: str, channels: set[int]) -> SourceBuffer:
        """The buffer of a series; one more source where a reading brings a channel that was not announced."""
        source_id = f"{sensor_id}/{series}"
        usual = set(channel_numbers(SERIES_CHANNELS.get(series, ())))
        number = 1
        while True:
            buffer = self._buffers.get(source_id)
            if buffer is None:
                return self._buffer(source_id, sensor_id, usual | channels)
            if not buffer.registered:
                buffer.announced |= channels
            if channels <= buffer.announced:
                return buffer
            number += 1
            source_id = f"{sensor_id}/{series}/{number}"

    def _buffer(self, source_id: str, sensor_id: str, channels: set[int] | Sequence[int]) -> SourceBuffer:
        buffer = SourceBuffer(source_id, sensor_id, set(channels), self._settings.buffered_samples)
        self._buffers[source_id] = buffer
        return buffer

    def _described(self, buffer: SourceBuffer) -> recording_pb2.Source:
        return buffer.description(self._device(buffer.sensor_id))

    def _device(self, sensor_id: str) -> recording_pb2.Device:
        if not sensor_id:
            return recording_pb2.Device(device_id=self._settings.writer_id[:_TEXT_LIMIT])
        if sensor_id not in self._devices:
            sensor = self._sensors.get(sensor_id)
            self._devices[sensor_id] = recording_pb2.Device(
                device_id=sensor_id[:_TEXT_LIMIT], name=sensor.name[:_TEXT_LIMIT] if sensor else ""
            )
        return self._devices[sensor_id]

    def _learn(self, sensor_id: str, fields: Mapping[str, str]) -> None:
        device = self._device(sensor_id)
        device.manufacturer = fields.get("manufacturer_name", device.manufacturer)[:_TEXT_LIMIT]
        device.model = fields.get("model_number", device.model)[:_TEXT_LIMIT]
        device.firmware = fields.get("firmware_revision", device.firmware)[:_TEXT_LIMIT]
        self._changed_devices.add(sensor_id)

    def _take_up(self, recording: SpooledRecording) -> None:
        for source in recording.sources:
            sensor_id = source.description.device.device_id if source.source_id != self._marker_id else ""
            buffer = self._buffer(source.source_id, sensor_id, set(source.description.channels))
            buffer.registered = True
            buffer.stored = source.next_sequence
            buffer.lost = buffer.lost_noted = source.lost
            if sensor_id:
                self._devices[sensor_id] = source.description.device

    def _elapsed_s(self) -> float:
        return (self._clock.now_ms() - self._start_ms) / 1000
