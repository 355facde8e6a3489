"""Each trap of Bluetooth LE on Linux, on an emulated BlueZ under the unmodified bleak."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from itertools import chain, count, repeat
from typing import Any

import pytest

from ingest_edge.sensors import (
    BleSettings,
    ConnectionEstablished,
    ConnectionLost,
    ConnectionRestored,
    Reading,
)
from ingest_edge.simulator.bluez import GattCharacteristic, GattService, Notification
from ingest_edge.simulator.peripherals import ScriptedSensor, numbered_heart_rate_frame

STRAP = "C0:00:00:00:00:01"
MakeRig = Callable[..., AbstractAsyncContextManager[Any]]


def endless_strap(address: str = STRAP, interval_s: float = 0.01) -> ScriptedSensor:
    frames = (numbered_heart_rate_frame(number % 65536) for number in count())
    return ScriptedSensor(address, frames, interval_s=interval_s)


def strap_of(frames: int, address: str = STRAP, **settings: Any) -> ScriptedSensor:
    return ScriptedSensor(address, [numbered_heart_rate_frame(n) for n in range(frames)], **settings)


async def test_ten_reconnects_double_no_notification_and_leak_no_connection(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        open_connections = []
        for round_number in range(1, 11):
            heard = len(rig.sequences(STRAP))
            await rig.until(lambda seen=heard: len(rig.sequences(STRAP)) > seen + 3, "no data after connect")
            open_connections.append(rig.bluez.connection_count)
            rig.bluez.drop(STRAP)
            await rig.until(
                lambda number=round_number: rig.statistics(STRAP).losses == number, "the loss was not noticed"
            )
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 10, "not restored ten times")
        sequences = rig.sequences(STRAP)
        assert sequences == sorted(set(sequences)), "a notification came twice or out of order"
        # bleak's own connection and the sensor's.
        assert set(open_connections) == {2}
        assert len(rig.of(ConnectionLost)) == 10
        assert len(rig.of(ConnectionEstablished)) == 1


async def test_drops_lose_nothing_that_was_sent(make_rig: MakeRig) -> None:
    async with make_rig([strap_of(300, interval_s=0.005)]) as rig:
        for heard in (50, 120, 200):
            await rig.until(lambda seen=heard: len(rig.sequences(STRAP)) >= seen, "no data")
            rig.bluez.drop(STRAP)
        await rig.until(lambda: len(rig.sequences(STRAP)) >= 300, "not all arrived")
        sent = rig.bluez.statistics(STRAP).notifications_sent
        assert rig.sequences(STRAP) == list(range(300))
        assert sent == rig.statistics(STRAP).received == rig.statistics(STRAP).emitted == 300


async def test_a_mute_sensor_is_reconnected_by_the_watchdog(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.mute(STRAP)
        await rig.until(lambda: rig.statistics(STRAP).silences >= 1, "the silence was not noticed")
        rig.bluez.mute(STRAP, False)
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")
        assert rig.of(ConnectionLost)[0].reason == "silent for 1.5 s"
        assert rig.bluez.statistics(STRAP).connects >= 2


async def test_a_sensor_that_stays_mute_is_lost_once_and_not_restored(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.mute(STRAP)
        await rig.until(lambda: rig.statistics(STRAP).silences >= 2, "the silence was not noticed twice")
        assert len(rig.of(ConnectionLost)) == 1
        assert rig.of(ConnectionRestored) == []


async def test_a_stale_connection_of_a_dead_process_is_taken_over_and_replaced(make_rig: MakeRig) -> None:
    strap = endless_strap()
    async with make_rig([strap], before=lambda bluez: bluez.make_stale(STRAP)) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        assert rig.bluez.statistics(STRAP).connects >= 2


async def test_a_live_connection_of_a_dead_process_is_taken_over(make_rig: MakeRig) -> None:
    strap = endless_strap()
    async with make_rig([strap], before=lambda bluez: bluez.make_stale(STRAP, dead=False)) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        assert rig.bluez.statistics(STRAP).connects == 1


async def test_a_connection_that_could_not_be_ended_is_taken_over(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.set_in_range(STRAP, False)
        await rig.until(lambda: rig.statistics(STRAP).failed_connects >= 1, "it did not try again")
        rig.bluez.make_stale(STRAP, dead=False)
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")


async def test_the_death_and_return_of_the_daemon(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.kill_daemon()
        await rig.until(lambda: rig.statistics(STRAP).failed_connects >= 2, "it did not try again")
        assert rig.statistics(STRAP).silences == 1, "only silence tells that the daemon is gone"
        rig.bluez.start_daemon()
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")
        sequences = rig.sequences(STRAP)
        assert sequences == sorted(set(sequences))
        assert rig.bluez.connection_count == 2


async def test_the_death_and_return_of_the_bus(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.kill_bus()
        await rig.until(lambda: rig.statistics(STRAP).failed_connects >= 2, "it did not try again")
        rig.bluez.start_bus()
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")
        sequences = rig.sequences(STRAP)
        assert sequences == sorted(set(sequences))
        assert rig.bluez.connection_count == 2


async def test_the_adapter_off_and_on(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.power_adapter(False)
        await rig.until(lambda: rig.statistics(STRAP).failed_connects >= 2, "it did not try again")
        assert "Turn on Bluetooth" in rig.statistics(STRAP).last_failure
        rig.bluez.power_adapter(True)
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")


async def test_refused_connections_are_tried_again_and_leak_nothing(make_rig: MakeRig) -> None:
    strap = endless_strap()
    async with make_rig([strap], before=lambda bluez: bluez.refuse_connections(STRAP, 6)) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        assert rig.statistics(STRAP).failed_connects == 6
        assert rig.bluez.statistics(STRAP).refused_connects == 6
        await rig.until(lambda: rig.bluez.connection_count == 2, "a refused attempt left its connection open")


async def test_a_sensor_out_of_range_is_found_when_it_comes_back(make_rig: MakeRig) -> None:
    strap = endless_strap()
    async with make_rig([strap], before=lambda bluez: bluez.set_in_range(STRAP, False)) as rig:
        await rig.until(lambda: rig.statistics(STRAP).failed_connects >= 1, "it did not give up a search")
        assert "does not advertise" in rig.statistics(STRAP).last_failure
        rig.bluez.set_in_range(STRAP, True)
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")


async def test_a_device_that_the_daemon_forgot_is_found_again(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        rig.bluez.forget(STRAP)
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")


class TwoMeasurements(ScriptedSensor):
    """A strap that is also a wheel sensor, on a wheel that stands still."""

    @property
    def services(self) -> Sequence[GattService]:
        wheel = GattService("1816", (GattCharacteristic("2A5B", ("notify",)),))
        return [*super().services, wheel]

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        # One of each, since the order of the subscriptions is bleak's own.
        return [*super().notifications(elapsed_s), ("2A5B", bytes.fromhex("01 01000000 0000"))]


async def test_a_break_between_two_subscriptions_is_a_loss_once_data_came(make_rig: MakeRig) -> None:
    frames = (numbered_heart_rate_frame(number % 65536) for number in count())
    strap = TwoMeasurements(STRAP, frames)
    async with make_rig([strap], before=lambda bluez: bluez.set_latency(0.3)) as rig:
        await rig.until(lambda: rig.statistics(STRAP).received >= 1, "no data")
        rig.bluez.drop(STRAP)
        await rig.until(lambda: len(rig.of(ConnectionLost)) == 1, "the loss was not told")
        assert rig.statistics(STRAP).connects == 1
        rig.bluez.set_latency(0)
        await rig.until(lambda: len(rig.of(ConnectionRestored)) == 1, "not restored")


async def test_a_slow_daemon_is_waited_for(make_rig: MakeRig) -> None:
    async with make_rig([endless_strap()], before=lambda bluez: bluez.set_latency(0.05)) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        assert rig.statistics(STRAP).failed_connects == 0


async def test_malformed_frames_are_counted_and_the_stream_goes_on(make_rig: MakeRig) -> None:
    cut = numbered_heart_rate_frame(7)[:-1]
    good = (numbered_heart_rate_frame(number) for number in range(30))
    frames = chain.from_iterable(zip(good, repeat(cut), repeat(b""), strict=False))
    async with make_rig([ScriptedSensor(STRAP, frames)]) as rig:
        await rig.until(lambda: rig.statistics(STRAP).received == 90, "not all arrived")
        statistics = rig.statistics(STRAP)
        assert (statistics.malformed, statistics.emitted, statistics.losses) == (60, 30, 0)
        await rig.until(lambda: len(rig.sequences(STRAP)) == 30, "not all consumed")
        assert rig.sequences(STRAP) == list(range(30))


async def test_a_slow_consumer_drops_exactly_what_does_not_fit(make_rig: MakeRig) -> None:
    strap = strap_of(500, interval_s=0.005, burst=5)
    async with make_rig([strap], capacity=100, consuming=False) as rig:
        await rig.until(lambda: rig.statistics(STRAP).received == 500, "the callback was held up")
        statistics = rig.statistics(STRAP)
        assert (statistics.emitted, statistics.dropped, rig.queue.dropped) == (100, 400, 400)
        rig.events += rig.queue.take(10_000)
        assert rig.sequences(STRAP) == list(range(100)), "what is kept has no holes"


async def test_an_error_in_the_callback_is_counted_and_logged(
    make_rig: MakeRig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_rig([endless_strap()]) as rig:
        await rig.until(lambda: len(rig.sequences(STRAP)) > 3, "no data")
        taken = rig.queue.offer

        def full_disk(event: object) -> bool:
            if isinstance(event, Reading):
                raise OSError("no space left")
            return bool(taken(event))

        with caplog.at_level(logging.ERROR):
            monkeypatch.setattr(rig.queue, "offer", full_disk)
            await rig.until(lambda: rig.statistics(STRAP).callback_errors >= 3, "errors were swallowed")
            monkeypatch.undo()
        assert "no space left" in caplog.text
        heard = len(rig.sequences(STRAP))
        await rig.until(lambda: len(rig.sequences(STRAP)) > heard + 3, "the stream ended")
        assert rig.statistics(STRAP).losses == 0


async def test_fifty_sensors_deliver_exactly_what_they_sent(make_rig: MakeRig) -> None:
    addresses = [f"C0:00:00:00:01:{number:02X}" for number in range(50)]
    straps = [strap_of(100, address, interval_s=0.02) for address in addresses]
    async with make_rig(straps) as rig:
        await rig.until(
            lambda: all(rig.statistics(address).received >= 100 for address in addresses), "not all arrived"
        )
        sent = [rig.bluez.statistics(address).notifications_sent for address in addresses]
        assert sent == [100] * 50
        await rig.until(
            lambda: sum(isinstance(event, Reading) for event in rig.events) == 5000, "not all consumed"
        )
        for address in addresses:
            assert rig.sequences(address) == list(range(100))
        assert rig.bluez.connection_count == 51


async def test_no_more_sensors_connect_at_once_than_allowed(
    make_rig: MakeRig, quick_settings: BleSettings
) -> None:
    addresses = [f"C0:00:00:00:02:{number:02X}" for number in range(6)]
    settings = replace(quick_settings, concurrent_connects=1)
    straps = [endless_strap(address, 0.05) for address in addresses]
    async with make_rig(straps, settings=settings, before=lambda bluez: bluez.set_latency(0.1)) as rig:
        peak = 0
        while any(rig.statistics(address).connects == 0 for address in addresses):
            connected = sum(rig.bluez.statistics(address).connected for address in addresses)
            finished = sum(rig.statistics(address).connects for address in addresses)
            peak = max(peak, connected - finished)
            await asyncio.sleep(0.01)
        # One that is being set up, and one whose set-up ended between our two looks.
        assert peak <= 2


async def test_stopping_disconnects_every_sensor(make_rig: MakeRig) -> None:
    addresses = [f"C0:00:00:00:03:{number:02X}" for number in range(4)]
    async with make_rig([endless_strap(address) for address in addresses]) as rig:
        await rig.until(lambda: all(rig.sequences(address) for address in addresses), "no data")
        await rig.stop()
        assert not any(rig.bluez.statistics(address).connected for address in addresses)
        await rig.until(lambda: rig.bluez.connection_count == 1, "connections were left open")
