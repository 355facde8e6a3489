"""Durable acknowledgements a second, through the whole path, beside the same server without a store.

1,000 open streams send batches of 50 samples of four channels over gRPC; each batch is parsed, checked,
committed and acknowledged. The baseline is the same server whose committer answers at once. Runs alternate;
the ratio of each pair counts, since the machine drifts. Opening the streams is not part of the figure.

    python -m benchmarks.durable_acks [--streams 1000] [--batches 40] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

import uvloop

from benchmarks import ingest_load
from benchmarks.servers import RunningServer, ingest_server, postgres

Run = tuple[float, float]
"""Acks a second, and the server's processor time for one ack in microseconds."""


async def _run(server: RunningServer, streams: int, batches: int, size: int) -> Run:
    start_ms = time.time_ns() // 1_000_000 - batches * size * 1000
    payload = ingest_load.batches(batches, size, start_ms)
    channels = ingest_load.open_channels(server.address, 8)
    opened = await asyncio.gather(
        *(
            ingest_load.open_stream(channels[number % len(channels)], number, start_ms)
            for number in range(streams)
        )
    )
    tally = ingest_load.Tally()
    used, began = server.usage()["cpu_s"], time.perf_counter()
    await asyncio.gather(*(ingest_load.pump(stream, credit, payload, tally) for stream, credit in opened))
    elapsed, used = time.perf_counter() - began, server.usage()["cpu_s"] - used
    for channel in channels:
        await channel.close()
    if tally.acked != streams * batches:
        raise RuntimeError(f"{tally.acked} of {streams * batches} acks")
    return tally.acked / elapsed, used / tally.acked * 1e6


def measure(store: str, url: str, streams: int, batches: int, size: int) -> Run:
    """Run the load once against a fresh server."""
    with ingest_server(store, url) as server:
        return uvloop.run(_run(server, streams, batches, size))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--batches", type=int, default=40)
    parser.add_argument("--size", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(argv)
    print(
        f"{chosen.streams} streams x {chosen.batches} batches x {chosen.size} samples, {chosen.rounds} rounds"
    )
    print(f"{'store':<10} {'acks/s':>9} {'samples/s':>11} {'server CPU/ack':>15} {'of the baseline':>16}")
    ratios: dict[str, list[float]] = {"sqlite": [], "postgres": []}
    with postgres() as url:
        for _ in range(chosen.rounds):
            baseline = 0.0
            for store in ("none", "sqlite", "postgres"):
                where = url if store == "postgres" else ""
                rate, cpu_us = measure(store, where, chosen.streams, chosen.batches, chosen.size)
                baseline = baseline or rate
                if store in ratios:
                    ratios[store].append(rate / baseline)
                print(
                    f"{store:<10} {rate:>9,.0f} {rate * chosen.size:>11,.0f} {cpu_us:>12.0f} us "
                    f"{rate / baseline:>16.2f}",
                    flush=True,
                )
    for store, found in ratios.items():
        print(f"{store}: median {statistics.median(found):.2f} of the baseline (target 0.5)")


if __name__ == "__main__":
    main()
