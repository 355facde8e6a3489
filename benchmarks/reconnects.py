"""Everybody comes back at once: thousands of ingest streams opened simultaneously, as after an outage.

Each stream had been open before; the server knows its recording, raises its epoch and says what it holds.
Counts how many succeed at the first attempt and how long the slowest waits.

    python -m benchmarks.reconnects [--streams 5000] [--connections 100]
"""

from __future__ import annotations

import argparse
import asyncio
import time

import grpc
import uvloop

from benchmarks import ingest_load
from benchmarks.servers import RunningServer, ingest_server, postgres
from pulsemesh.workout.v1 import ingest_service_pb2 as wire


async def _open(
    channel: grpc.aio.Channel, number: int, recording: str, start_ms: int, tally: ingest_load.Tally
) -> ingest_load.Stream | None:
    began = time.perf_counter()
    stream = ingest_load.call(channel, f"user{number}")
    try:
        await stream.write(ingest_load.opening(recording, start_ms))
        first = await stream.read()
        if not isinstance(first, wire.StreamSamplesResponse):
            raise ConnectionError("the server ended the stream")
    except Exception as error:
        tally.note(error)
        return None
    tally.opened += 1
    tally.latencies_s.append(time.perf_counter() - began)
    return stream


async def _wave(
    address: str, connections: int, recordings: list[str], start_ms: int
) -> tuple[ingest_load.Tally, float]:
    channels = ingest_load.open_channels(address, connections)
    tally = ingest_load.Tally()
    began = time.perf_counter()
    streams = await asyncio.gather(
        *(
            _open(channels[number % connections], number, recording, start_ms, tally)
            for number, recording in enumerate(recordings)
        )
    )
    elapsed = time.perf_counter() - began
    for stream in streams:
        if stream is not None:
            stream.cancel()
    for channel in channels:
        await channel.close()
    return tally, elapsed


async def _run(server: RunningServer, streams: int, connections: int) -> None:
    start_ms = time.time_ns() // 1_000_000
    recordings = [ingest_load.recording_id(number) for number in range(streams)]
    for name in ("first", "again"):
        tally, elapsed = await _wave(server.address, connections, recordings, start_ms)
        print(
            f"  {name:<6} {tally.opened:>6,} of {streams:,} opened in {elapsed:5.1f} s, "
            f"p50 {tally.percentile_s(0.5):5.2f} s, slowest {tally.percentile_s(1):5.2f} s, "
            f"failed {tally.failed} {tally.errors or ''}",
            flush=True,
        )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=100)
    chosen = parser.parse_args(argv)
    print(f"{chosen.streams} streams at once over {chosen.connections} connections")
    with postgres() as url:
        for store in ("none", "sqlite", "postgres"):
            print(f"{store} (opening is stored durably; only batches are not)" if store == "none" else store)
            with ingest_server(store, url if store == "postgres" else "") as server:
                uvloop.run(_run(server, chosen.streams, chosen.connections))


if __name__ == "__main__":
    main()
