from __future__ import annotations

import grpc
import pytest

from pulsemesh import Client, errors
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2
from tests.unit.pulsemesh.peers import UNAVAILABLE, Failure, Pauses, Platform

ID = f"{1:026d}"


def update(samples: int) -> recording_service_pb2.WatchRecordingResponse:
    return recording_service_pb2.WatchRecordingResponse(samples=samples)


async def test_a_watch_that_breaks_goes_on(platform: Platform, client: Client, pauses: Pauses) -> None:
    platform.recordings.watches.extend([[update(1), update(2), UNAVAILABLE], [update(2), update(3)]])
    assert [one.samples async for one in client.recordings.watch(ID)] == [1, 2, 2, 3]
    assert len(pauses.taken) == 1


async def test_a_watch_that_breaks_many_times_goes_on_while_it_brings_something(
    platform: Platform, client: Client
) -> None:
    platform.recordings.watches.extend([[update(n), UNAVAILABLE] for n in range(20)])
    platform.recordings.watches.append([update(20)])
    assert [one.samples async for one in client.recordings.watch(ID)] == list(range(21))


async def test_a_watch_of_what_is_not_there_is_not_repeated(platform: Platform, client: Client) -> None:
    platform.recordings.watches.append([Failure(grpc.StatusCode.NOT_FOUND, "NOT_FOUND")])
    with pytest.raises(errors.NotFound):
        await anext(client.recordings.watch(ID))
    assert len(platform.script.seen("WatchRecording")) == 1


async def test_recordings_are_listed_by_state(platform: Platform, client: Client) -> None:
    platform.recordings.recordings = {
        "a": recording_pb2.Recording(recording_id="a", state=recording_pb2.RECORDING_STATE_OPEN),
        "b": recording_pb2.Recording(recording_id="b", state=recording_pb2.RECORDING_STATE_CLOSED),
    }
    assert [one.recording_id async for one in client.recordings.list(states=["open"])] == ["a"]


async def test_a_recording_is_closed_into_a_workout(client: Client) -> None:
    assert await client.recordings.close(ID) == "0" * 26


async def test_a_recording_is_discarded(platform: Platform, client: Client) -> None:
    platform.recordings.recordings = {ID: recording_pb2.Recording(recording_id=ID)}
    assert (await client.recordings.discard(ID)).state == recording_pb2.RECORDING_STATE_DISCARDED
