"""An edge that takes numbered samples into its spool and uploads them, until it is killed or told to finish.

Arguments: folder of the spool, address and token of the platform, numbers of the sources. Each append that
returned is said: ``appended <recording> <source> <next sequence>``. On SIGTERM the recording is finished:
``workout <recording> <workout>``. Started again it goes on with the recording that it finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from ingest_edge.spool import NewRecording, RecordingKind, Spool, SpooledRecording, SpoolLimits, SpoolState
from ingest_edge.spool import open_spool as open_edge_spool
from ingest_edge.uplink import Uplink
from pulsemesh import connect
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import recording_pb2
from tests.fixtures.numbered_writers import CHANNEL, START_MS, numbered_batch

LIMITS = SpoolLimits(min_free_bytes=0)
PAUSE_S = 0.01


async def open_spool(folder: Path) -> Spool:
    return await open_edge_spool(folder, LIMITS)


async def _recording(spool: Spool, numbers: list[int]) -> SpooledRecording:
    interrupted = await spool.recordings([SpoolState.RECORDING])
    if interrupted:
        return interrupted[0]
    new = NewRecording(
        new_ulid(),
        RecordingKind.LIVE,
        "edge-under-test",
        sport_pb2.SPORT_CYCLING,
        sport_pb2.SUB_SPORT_UNSPECIFIED,
        START_MS,
    )
    described = [recording_pb2.Source(source_id=f"sensor/{number}", channels=[CHANNEL]) for number in numbers]
    await spool.begin(new, described)
    recording = await spool.find(new.recording_id)
    assert recording is not None
    return recording


async def _append(spool: Spool, recording: SpooledRecording, number: int, stop: asyncio.Event) -> None:
    source_id = f"sensor/{number}"
    sequence = next(one.next_sequence for one in recording.sources if one.source_id == source_id)
    while not stop.is_set():
        count = sequence % 7 + 1
        await spool.append(recording.recording_id, source_id, numbered_batch(0, number, sequence, count))
        sequence += count
        print("appended", recording.recording_id, source_id, sequence, flush=True)
        await asyncio.sleep(PAUSE_S)


async def main() -> None:
    folder, target, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    numbers = [int(number) for number in sys.argv[4:]]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with await open_spool(folder) as spool, connect(target, token) as client:
        uplink = Uplink(spool, client)
        running = asyncio.create_task(uplink.run())
        recording = await _recording(spool, numbers)
        await asyncio.gather(*(_append(spool, recording, number, stop) for number in numbers))
        await spool.finish(recording.recording_id, recording_pb2.RecordingDetails(title="killed and gone on"))
        settled = await uplink.settled(recording.recording_id)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        print("workout", recording.recording_id, settled.workout_id or settled.failure, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
