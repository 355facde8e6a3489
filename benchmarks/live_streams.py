"""Live recording at scale: thousands of streams, each a message a second, in one server process.

Shows the acknowledgement latency, the processor time for a message and the memory for a stream, on SQLite
with full durability and beside the same server without a store.

    python -m benchmarks.live_streams [--streams 3000] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass

import uvloop

from benchmarks import ingest_load
from benchmarks.servers import RunningServer, ingest_server, postgres
from pulsemesh.workout.v1 import ingest_service_pb2 as wire


@dataclass(frozen=True)
class LiveRun:
    """What one run showed."""

    messages: int
    p50_s: float
    p99_s: float
    worst_s: float
    cpu_us: float
    cores: float
    stream_bytes: float


async def _live(
    stream: ingest_load.Stream, payload: list[bytes], offset_s: float, tally: ingest_load.Tally
) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time() + offset_s
    sent_at: list[float] = []

    async def read() -> None:
        acked = 0
        while acked < len(payload):
            response = await stream.read()
            if not isinstance(response, wire.StreamSamplesResponse):
                raise ConnectionError("the server ended the stream")
            now = loop.time()
            for _ in range(response.ack.credit):
                tally.latencies_s.append(now - sent_at[acked])
                acked += 1
        tally.acked += acked

    async def write() -> None:
        for second, message in enumerate(payload):
            await asyncio.sleep(max(0.0, began + second - loop.time()))
            sent_at.append(loop.time())
            await stream.write(message)

    await asyncio.gather(read(), write())


async def _run(server: RunningServer, streams: int, seconds: int) -> LiveRun:
    start_ms = time.time_ns() // 1_000_000 - seconds * 1000
    payload = ingest_load.batches(seconds, 1, start_ms)
    channels = ingest_load.open_channels(server.address, 16)
    empty = server.usage()
    opened = []
    for first in range(0, streams, 250):
        opened += await asyncio.gather(
            *(
                ingest_load.open_stream(channels[number % len(channels)], number, start_ms)
                for number in range(first, min(first + 250, streams))
            )
        )
    tally = ingest_load.Tally()
    before, began = server.usage(), time.perf_counter()
    await asyncio.gather(
        *(_live(stream, payload, number / streams, tally) for number, (stream, _credit) in enumerate(opened))
    )
    elapsed, after = time.perf_counter() - began, server.usage()
    for channel in channels:
        await channel.close()
    return LiveRun(
        messages=tally.acked,
        p50_s=tally.percentile_s(0.50),
        p99_s=tally.percentile_s(0.99),
        worst_s=max(tally.latencies_s),
        cpu_us=(after["cpu_s"] - before["cpu_s"]) / tally.acked * 1e6,
        cores=(after["cpu_s"] - before["cpu_s"]) / elapsed,
        stream_bytes=(after["resident_bytes"] - empty["resident_bytes"]) / streams,
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=3000)
    parser.add_argument("--seconds", type=int, default=20)
    chosen = parser.parse_args(argv)
    print(f"{chosen.streams} streams, one message a second each, {chosen.seconds} s")
    print(
        f"{'store':<10} {'messages':>9} {'ack p50':>9} {'p99':>9} {'worst':>9} "
        f"{'CPU/message':>12} {'cores':>6} {'memory/stream':>14}"
    )
    with postgres() as url:
        for store in ("none", "sqlite", "postgres"):
            with ingest_server(store, url if store == "postgres" else "") as server:
                run = uvloop.run(_run(server, chosen.streams, chosen.seconds))
            print(
                f"{store:<10} {run.messages:>9,} {run.p50_s * 1e3:>6.0f} ms {run.p99_s * 1e3:>6.0f} ms "
                f"{run.worst_s * 1e3:>6.0f} ms {run.cpu_us:>9.0f} us {run.cores:>6.2f} "
                f"{run.stream_bytes / 1024:>11.0f} KB",
                flush=True,
            )
    print("target: p99 under 1,000 ms")


if __name__ == "__main__":
    main()
