"""A server with the real pipeline and the real ingest servicer, whose store can be taken out.

    python -m benchmarks.ingest_server --store none|sqlite|postgres [--url URL] --ready FILE

`none` parses, checks and acknowledges every batch without storing it: the baseline of the others.
Prints its processor time and memory to the ready file's neighbour `FILE.usage` whenever it gets SIGUSR1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.workout.v1 import ingest_service_pb2_grpc as stubs
from services.chassis.auth.principal import Principal
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.database import Database, open_database
from services.chassis.group_commit import GroupCommitter
from services.chassis.live.in_process import InProcessLive
from services.chassis.outbox import metadata as chassis_metadata
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.server import GrpcServer
from services.chassis.settings import ServerSettings
from services.workout.closing import ClosedWorkout
from services.workout.ingest import store
from services.workout.ingest.limits import stream_limits, unary_limits
from services.workout.ingest.live import LiveNumbers
from services.workout.ingest.servicer import IngestServicer
from services.workout.ingest.session import Backend
from services.workout.settings import WorkoutSettings
from services.workout.tables import metadata


class AnyToken:
    """Every token is a person of its own, so that the benchmark measures ingest and not signatures."""

    async def authenticate(self, token: str) -> Principal:
        return Principal(user_id=f"eu_{token}", kind=Access.ACCESS_USER, scopes=frozenset({"ingest"}))


class AckOnly:
    """The baseline: a batch is acknowledged as soon as it is checked."""

    async def submit(self, item: store.Commit) -> store.CommitOutcome:
        return store.CommitOutcome.STORED


async def _closed(recording_pk: int) -> ClosedWorkout:
    return ClosedWorkout("0" * 26, recording_pk, 0, None)


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


async def _prepare(database: Database) -> None:
    def create(conn: Any) -> None:
        metadata.create_all(conn)
        chassis_metadata.create_all(conn)

    await database.change_schema(create)


def _usage() -> dict[str, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"cpu_s": used.ru_utime + used.ru_stime, "resident_bytes": resident}


async def serve(kind: str, url: str, ready: Path) -> None:
    database = open_database(url, schema="workout")
    await _prepare(database)
    committer: Any = (
        AckOnly()
        if kind == "none"
        else GroupCommitter(database, partial(store.commit_batches, clock_ms=_clock_ms))
    )
    live = InProcessLive()
    backend = Backend(
        database=database,
        opener=GroupCommitter(database, store.open_recordings),
        committer=committer,
        close=_closed,
        numbers=lambda recording, opening: LiveNumbers(
            recording.recording_pk, opening, live, _clock_ms, held=0
        ),
        clock_ms=_clock_ms,
        consent=DevelopmentConsentGate(development=True),
    )
    ports = PipelinePorts(
        cell="eu", authenticator=AnyToken(), consent=DevelopmentConsentGate(development=True)
    )
    collector = ServiceCollector(ports)
    settings = WorkoutSettings()
    servicer = IngestServicer(backend, stream_limits(settings), unary_limits(settings))
    stubs.add_IngestServiceServicer_to_server(servicer, collector)
    server = GrpcServer(ServerSettings(listen="127.0.0.1:0", drain_grace_s=1, stream_notice_s=0), collector)
    address = await server.start()
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, done.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: Path(f"{ready}.usage").write_text(json.dumps(_usage())))
    ready.write_text(json.dumps({"address": address, "pid": os.getpid()}))  # noqa: ASYNC240 - once, at the start
    await done.wait()
    await server.drain()
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["none", "sqlite", "postgres"], required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ready", type=Path, required=True)
    chosen = parser.parse_args()
    uvloop.run(serve(chosen.store, chosen.url, chosen.ready))


if __name__ == "__main__":
    main()
