"""Recordings in progress: looking at them, watching them live, ending them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import TypeAlias

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.errors import PulsemeshError
from pulsemesh.parts.paging import pages
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2, recording_service_pb2_grpc

__all__ = ["Recordings"]

State: TypeAlias = recording_pb2.RecordingState.ValueType | str

_WATCH = "/pulsemesh.workout.v1.RecordingService/WatchRecording"


class Recordings:
    """The recordings of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = recording_service_pb2_grpc.RecordingServiceStub(channel.for_stub())

    async def get(self, recording_id: str) -> recording_pb2.Recording:
        """Return one recording. Raises `NotFound`."""
        request = recording_service_pb2.GetRecordingRequest(recording_id=recording_id)
        return (await self._stub.GetRecording(request)).recording

    async def list(
        self, *, states: Sequence[State] = (), limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[recording_pb2.Recording, None]:
        """Give the recordings in these states (all where none is named), the newest first.

        States by number or by name: `open`, `finishing`, `closed`, `discarded`.
        """
        chosen = [_state(state) for state in states]

        async def fetch(token: str) -> tuple[Sequence[recording_pb2.Recording], str]:
            request = recording_service_pb2.ListRecordingsRequest(
                page_size=page_size, page_token=token, states=chosen
            )
            page = await self._stub.ListRecordings(request)
            return page.recordings, page.next_page_token

        async for recording in pages(fetch, limit):
            yield recording

    async def watch(
        self, recording_id: str
    ) -> AsyncGenerator[recording_service_pb2.WatchRecordingResponse, None]:
        """Give the latest numbers of a recording as they are committed, until it is closed.

        A break of the connection is mended: the watch begins again with the latest numbers.
        The last message has the state the recording ended in, and the workout's id.
        """
        request = recording_service_pb2.WatchRecordingRequest(recording_id=recording_id)
        attempts = self._channel.attempts(_WATCH)
        while True:
            begun = False
            try:
                async for update in self._stub.WatchRecording(request):
                    begun = True
                    attempts.progressed()
                    yield update
            except PulsemeshError as error:
                if not begun:
                    raise  # the channel has tried all that is worth trying
                await attempts.recover(error, opening=True)
            else:
                return

    async def close(self, recording_id: str) -> str:
        """Make a workout of what is there and return its id, for writers that will not come back."""
        request = recording_service_pb2.CloseRecordingRequest(recording_id=recording_id)
        return (await self._stub.CloseRecording(request)).workout_id

    async def discard(self, recording_id: str) -> recording_pb2.Recording:
        """Give a recording up: its samples are deleted."""
        request = recording_service_pb2.DiscardRecordingRequest(recording_id=recording_id)
        return (await self._stub.DiscardRecording(request)).recording


def _state(state: State) -> recording_pb2.RecordingState.ValueType:
    if isinstance(state, str):
        return recording_pb2.RecordingState.Value(f"RECORDING_STATE_{state.upper()}")
    return state
