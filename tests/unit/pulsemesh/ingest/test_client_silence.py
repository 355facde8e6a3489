"""A client that hears nothing gives up after three heartbeat intervals, and not a heartbeat later."""

from __future__ import annotations

import pytest

from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest import machine
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2


def _streaming(started_s: float, opened_s: float) -> machine.ClientSession:
    opening = wire.OpenRecording(
        recording_id="01J00000000000000000000000", sources=[recording_pb2.Source(source_id="strap")]
    )
    session = machine.ClientSession(opening, now_s=started_s)
    session.start(started_s)
    opened = wire.Opened(next_sequences=[0], credit=1, heartbeat_interval_ms=2_000)
    session.receive(wire.StreamSamplesResponse(opened=opened), opened_s)
    return session


def test_the_last_wait_ends_when_the_silence_is_three_intervals_long() -> None:
    now_s = 101.0
    session = _streaming(started_s=100.0, opened_s=now_s)
    while session.state is machine.ClientState.STREAMING:
        now_s += session.seconds_to_tick(now_s) + 0.01
        effects = session.tick(now_s)
    assert now_s == pytest.approx(107.0, abs=0.1)
    assert [effect.reason for effect in effects if isinstance(effect, machine.Failed)] == [
        reason_pb2.ERROR_REASON_HEARTBEAT_MISSED
    ]


def test_what_is_heard_begins_the_three_intervals_anew() -> None:
    session = _streaming(started_s=100.0, opened_s=100.0)
    session.receive(wire.StreamSamplesResponse(heartbeat=wire.Heartbeat()), 105.0)
    assert not any(isinstance(effect, machine.Failed) for effect in session.tick(110.9))
    assert any(isinstance(effect, machine.Failed) for effect in session.tick(111.1))
