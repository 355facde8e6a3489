"""What sensors report becomes sources and samples in a spool, with exact counts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ingest_edge.recorder import LiveNumbers, Recorder, RecorderSettings
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.events import (
    BatteryLevel,
    ConnectionEstablished,
    ConnectionLost,
    ConnectionRestored,
    DeviceInformation,
    Reading,
    SensorDescription,
    SensorKind,
)
from ingest_edge.spool import Spool, SpooledRecording, SpoolFull, SpoolLimits, SpoolState, open_spool
from pulsemesh.samples import Values, decode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2

LIMITS = SpoolLimits(min_free_bytes=0)
NOW_MS = 1_790_000_000_000
STRAP = SensorDescription("ble", "C0:01", "Strap", frozenset({SensorKind.HEART_RATE}))
METER = SensorDescription("ble", "C0:02", "Meter", frozenset({SensorKind.CYCLING_POWER}))
MARKER = "edge-1/marker"
SETTINGS = RecorderSettings("edge-1", sport_pb2.SPORT_CYCLING, title="ride", flush_interval_s=0.01)


class Hands:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.seconds = NOW_MS / 1000
        self.clock = SampleClock(lambda: self.seconds, lambda: self.seconds)


def heart(time_ms: int, bpm: float) -> Reading:
    return Reading(STRAP.sensor_id, "heart_rate", time_ms, {"heart_rate": bpm})


def power(time_ms: int, watts: float, **more: float) -> Reading:
    return Reading(METER.sensor_id, "power", time_ms, {"power": watts, **more})


async def found(spool: Spool, recorder: Recorder) -> SpooledRecording:
    recording = await spool.find(recorder.recording_id)
    assert recording is not None
    return recording


async def samples(spool: Spool, recorder: Recorder, source_id: str) -> Values:
    recording = await found(spool, recorder)
    index = next(source.index for source in recording.sources if source.source_id == source_id)
    batch = await (await spool.feed(recorder.recording_id)).next_batch(index, 0, 10_000)
    assert batch is not None
    return decode_batch(batch)


async def started(spool: Spool, settings: RecorderSettings = SETTINGS) -> Recorder:
    recorder = Recorder(spool, settings, [STRAP, METER], clock=Hands().clock)
    await recorder.start()
    return recorder


async def test_the_sources_of_the_chosen_sensors_exist_before_they_say_anything(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        recording = await found(spool, recorder)
        assert [source.source_id for source in recording.sources] == [
            MARKER,
            "ble:C0:01/heart_rate",
            "ble:C0:02/power",
        ]
        assert recording.sources[1].description.device.name == "Strap"
        assert (recording.sport, recording.title, recording.writer_id) == (
            sport_pb2.SPORT_CYCLING,
            "ride",
            "edge-1",
        )


async def test_readings_become_columns_of_wire_integers_with_gaps_where_nothing_was_said(
    tmp_path: Path,
) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        assert recorder.offer(power(NOW_MS, 251.4, cadence=90.25))
        assert recorder.offer(power(NOW_MS + 1000, -5))
        await recorder.flush()
        values = await samples(spool, recorder, "ble:C0:02/power")
        assert values.times_ms == [NOW_MS, NOW_MS + 1000]
        assert values.columns == {
            channel_pb2.CHANNEL_POWER: [251, -5],
            channel_pb2.CHANNEL_CADENCE: [902, None],
        }


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e12])
async def test_a_value_that_no_integer_stands_for_is_left_out_and_the_others_kept(
    tmp_path: Path, value: float
) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        recorder.offer(power(NOW_MS, value, cadence=90))
        recorder.offer(heart(NOW_MS, value))
        recorded = await recorder.stop()
        values = await samples(spool, recorder, "ble:C0:02/power")
        assert values.columns == {channel_pb2.CHANNEL_CADENCE: [900]}
        assert (recorded.stored, recorded.unusable) == (1, 1)


async def test_laps_pauses_and_the_life_of_sensors_are_markers(tmp_path: Path) -> None:
    hands = Hands()
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = Recorder(spool, SETTINGS, [STRAP], clock=hands.clock)
        await recorder.start()
        recorder.offer(ConnectionEstablished(STRAP.sensor_id, NOW_MS))
        for action in (recorder.lap, recorder.pause, recorder.pause, recorder.resume, recorder.resume):
            hands.seconds += 1
            action()
        recorder.offer(ConnectionLost(STRAP.sensor_id, NOW_MS + 9000, "out of range"))
        recorder.offer(ConnectionRestored(STRAP.sensor_id, NOW_MS + 12000, 3000))
        await recorder.stop()
        values = await samples(spool, recorder, MARKER)
        assert values.columns[channel_pb2.CHANNEL_MARKER] == [
            channel_pb2.MARKER_KIND_LAP,
            channel_pb2.MARKER_KIND_PAUSE,
            channel_pb2.MARKER_KIND_RESUME,
            channel_pb2.MARKER_KIND_SENSOR_LOST,
            channel_pb2.MARKER_KIND_SENSOR_FOUND,
        ]
        assert [time_ms - NOW_MS for time_ms in values.times_ms] == [1000, 2000, 4000, 9000, 12000]


async def test_a_series_that_appears_late_becomes_one_more_source(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        recorder.offer(Reading(STRAP.sensor_id, "rr", NOW_MS, {"rr_interval": 0.8}))
        recorder.offer(BatteryLevel("ble:C0:09", NOW_MS, 55))
        await recorder.flush()
        sources = [source.source_id for source in (await found(spool, recorder)).sources]
        assert sources[3:] == ["ble:C0:01/rr", "ble:C0:09/battery"]


async def test_a_channel_that_was_not_announced_opens_a_second_source_of_the_series(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        recorder.offer(heart(NOW_MS, 120))
        recorder.offer(
            Reading(STRAP.sensor_id, "heart_rate", NOW_MS + 1, {"heart_rate": 121, "temperature": 36.5})
        )
        recorder.offer(heart(NOW_MS + 2, 122))
        recorded = await recorder.stop()
        counts = {source.source_id: source.stored for source in recorded.sources}
        assert counts["ble:C0:01/heart_rate"] == 2
        assert counts["ble:C0:01/heart_rate/2"] == 1


async def test_what_a_sensor_says_about_itself_reaches_its_sources(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        fields = {"manufacturer_name": "Acme", "model_number": "M1", "firmware_revision": "2.0"}
        recorder.offer(DeviceInformation(STRAP.sensor_id, NOW_MS, fields))
        await recorder.flush()
        device = (await found(spool, recorder)).sources[1].description.device
        assert (device.manufacturer, device.model, device.firmware, device.name) == (
            "Acme",
            "M1",
            "2.0",
            "Strap",
        )


async def test_stop_counts_every_source_and_finishes_the_recording(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        for second in range(2500):
            recorder.offer(heart(NOW_MS + second * 1000, 120))
        recorder.offer(power(NOW_MS, 200))
        recorded = await recorder.stop()
        assert {source.source_id: source.stored for source in recorded.sources} == {
            MARKER: 0,
            "ble:C0:01/heart_rate": 2500,
            "ble:C0:02/power": 1,
        }
        recording = await found(spool, recorder)
        assert (recording.state, recording.samples) == (SpoolState.FINISHED, 2501)


async def test_while_the_spool_is_full_samples_wait_in_memory_and_what_exceeds_it_is_counted(
    tmp_path: Path,
) -> None:
    settings = RecorderSettings("edge-1", buffered_samples=10)
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool, settings)
    # From here on there is no room for a sample.
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=1 << 60)) as spool:
        recorder._spool = spool
        offered = [recorder.offer(heart(NOW_MS + second, 120)) for second in range(15)]
        await recorder.flush()
        assert offered == [True] * 10 + [False] * 5
        assert "kept free" in recorder.live().trouble
        assert (recorder.live().stored, recorder.live().lost) == (0, 5)
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder._spool = spool
        recorded = await recorder.stop()
        assert (recorded.stored, recorded.lost) == (10, 5)
        assert (await found(spool, recorder)).sources[1].lost == 5
        assert recorder.live().trouble == ""


async def test_what_never_found_room_is_counted_as_lost_when_the_recording_ends(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=1 << 60)) as spool:
        recorder._spool = spool
        recorder.offer(heart(NOW_MS, 120))
        recorded = await recorder.stop()
        assert (recorded.stored, recorded.lost) == (0, 1)
        recording = await found(spool, recorder)
        assert (recording.state, recording.sources[1].lost) == (SpoolState.FINISHED, 1)


async def test_no_recording_is_begun_without_room(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=1 << 60)) as spool:
        with pytest.raises(SpoolFull):
            await started(spool)


async def test_an_interrupted_recording_goes_on_where_it_was(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        first = await started(spool)
        first.offer(heart(NOW_MS, 120))
        await first.flush()
    async with await open_spool(tmp_path, LIMITS) as spool:
        (interrupted,) = await spool.end_interrupted(0)
        second = Recorder(spool, SETTINGS, [STRAP, METER], resume=interrupted)
        await second.start()
        second.offer(heart(NOW_MS + 60_000, 130))
        second.offer(Reading(STRAP.sensor_id, "rr", NOW_MS + 60_000, {"rr_interval": 0.8}))
        recorded = await second.stop()
        assert second.recording_id == first.recording_id
        values = await samples(spool, second, "ble:C0:01/heart_rate")
        assert values.columns[channel_pb2.CHANNEL_HEART_RATE] == [120, 130]
        assert recorded.stored == 3


async def test_a_recording_that_was_interrupted_long_ago_is_finished_as_it_is(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = await started(spool)
        recorder.offer(heart(NOW_MS, 120))
        await recorder.flush()
        empty = await started(spool)
    async with await open_spool(tmp_path, LIMITS) as spool:
        assert await spool.end_interrupted(1 << 50) == []
        assert (await found(spool, recorder)).state is SpoolState.FINISHED
        assert await spool.find(empty.recording_id) is None


async def test_the_live_numbers_show_the_latest_and_forget_those_of_a_lost_sensor(tmp_path: Path) -> None:
    shown: list[LiveNumbers] = []
    async with await open_spool(tmp_path, LIMITS) as spool:
        recorder = Recorder(spool, SETTINGS, [STRAP], on_flush=shown.append)
        await recorder.start()
        await recorder.flush()
        recorder.offer(heart(NOW_MS, 120))
        recorder.offer(heart(NOW_MS + 1000, 125))
        recorder.offer(BatteryLevel(STRAP.sensor_id, NOW_MS, 80))
        await recorder.flush()
        recorder.offer(ConnectionLost(STRAP.sensor_id, NOW_MS + 2000, "gone"))
        await recorder.flush()
        before, with_numbers, after = (numbers.sensors[0] for numbers in shown)
        assert before.connected is None
        assert (with_numbers.connected, with_numbers.values["heart_rate"].value) == (True, 125)
        assert with_numbers.battery_percent == 80
        assert (after.connected, after.values) == (False, {})
