"""The whole workout domain behind a real server on loopback, on SQLite and on PostgreSQL."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
import structlog
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status
from sqlalchemy import Connection, Table, func, select

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.samples import encode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import (
    file_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    recording_pb2,
    recording_service_pb2_grpc,
    sample_pb2,
    workout_service_pb2,
    workout_service_pb2_grpc,
)
from services.chassis import migrations, outbox
from services.chassis.auth import Principal
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.database import Database, open_database
from services.chassis.errors import Unauthenticated
from services.chassis.live.in_process import InProcessLive
from services.chassis.module import ModuleContext
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.settings import Settings
from services.workout.module import module

SCOPES = frozenset({"ingest", "workout.read", "workout.write"})
PERSON = "eu_01J00000000000000000000000"
STRANGER = "eu_01J00000000000000000000009"
START_MS = 1_750_000_000_000
MAX_BATCH = 4_000

HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
POWER = int(channel_pb2.CHANNEL_POWER)
SPEED = int(channel_pb2.CHANNEL_SPEED)
MARKER = int(channel_pb2.CHANNEL_MARKER)

Values = Sequence[int | None]


class TokenIsUserId:
    """An authenticator whose tokens are user ids."""

    async def authenticate(self, token: str) -> Principal:
        if not token.startswith("eu_"):
            raise Unauthenticated
        return Principal(token, Access.ACCESS_USER, SCOPES, "test")


class Clock:
    """Milliseconds that a test can move."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


@dataclass(frozen=True)
class Sent:
    """A source to send: times and columns, all in integer steps."""

    source_id: str
    times_ms: Sequence[int]
    columns: Mapping[int, Values]
    writer_id: str = "writer"

    def description(self) -> recording_pb2.Source:
        return recording_pb2.Source(
            source_id=self.source_id,
            channels=sorted(self.columns),  # type: ignore[arg-type]
            device=recording_pb2.Device(device_id=self.source_id, name=self.source_id.title()),
        )

    def batches(self, index: int) -> list[sample_pb2.SampleBatch]:
        """All of it, in batches that the server takes."""
        return [
            encode_batch(
                index,
                first,
                self.times_ms[first : first + MAX_BATCH],
                {channel: values[first : first + MAX_BATCH] for channel, values in self.columns.items()},
            )
            for first in range(0, len(self.times_ms), MAX_BATCH)
        ]


@dataclass
class Rig:
    """Stubs over the wire, and what stands behind them."""

    database: Database
    live: InProcessLive
    clock: Clock
    channel: grpc.aio.Channel
    background: list[Any]
    user_id: str = PERSON
    ingest: Any = field(init=False)
    recordings: Any = field(init=False)
    workouts: Any = field(init=False)
    files: Any = field(init=False)

    def __post_init__(self) -> None:
        self.ingest = ingest_service_pb2_grpc.IngestServiceStub(self.channel)
        self.recordings = recording_service_pb2_grpc.RecordingServiceStub(self.channel)
        self.workouts = workout_service_pb2_grpc.WorkoutServiceStub(self.channel)
        self.files = file_service_pb2_grpc.FileServiceStub(self.channel)

    def as_user(self, user_id: str) -> Rig:
        return Rig(self.database, self.live, self.clock, self.channel, self.background, user_id)

    @property
    def who(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.user_id}"),)

    async def append(
        self,
        sources: Sequence[Sent],
        *,
        recording_id: str = "",
        finish: bool = True,
        details: recording_pb2.RecordingDetails | None = None,
        sport: int = sport_pb2.SPORT_CYCLING,
        client_time_ms: int | None = None,
        start_ms: int = START_MS,
    ) -> tuple[str, Any]:
        """Send all samples of the sources in one call; returns the recording's id and the answer."""
        recording_id = recording_id or new_ulid()
        opening = ingest_service_pb2.OpenRecording(
            recording_id=recording_id,
            writer_id=sources[0].writer_id,
            sport=sport,  # type: ignore[arg-type]
            start_time_ms=start_ms,
            sources=[sent.description() for sent in sources],
            client_time_ms=self.clock() if client_time_ms is None else client_time_ms,
        )
        request = ingest_service_pb2.AppendSamplesRequest(
            open=opening,
            batches=[batch for index, sent in enumerate(sources) for batch in sent.batches(index)],
        )
        if finish:
            request.finish.CopyFrom(
                ingest_service_pb2.FinishRecording(
                    sample_counts=[len(sent.times_ms) for sent in sources], details=details
                )
            )
        response = await self.ingest.AppendSamples(request, metadata=self.who)
        assert not response.rejections
        return recording_id, response

    async def workout(self, seconds: int = 60, **options: Any) -> str:
        """Record a steady ride, close it, and return the workout's id."""
        _, response = await self.append([ride(seconds, options.get("start_ms", START_MS))], **options)
        return str(response.closed.workout_id)

    async def get(self, workout_id: str) -> Any:
        request = workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)
        return (await self.workouts.GetWorkout(request, metadata=self.who)).workout

    async def events(self) -> list[envelope_pb2.Envelope]:
        async with self.database.read() as view:
            return [row.envelope for row in await view.run(outbox.waiting, 1000, 10**9)]

    async def event_types(self) -> list[str]:
        return [envelope.type.rpartition(".")[2] for envelope in await self.events()]

    async def rows(self, *tables: Any) -> dict[str, int]:
        """How many rows each table has."""
        async with self.database.read() as view:
            return {table.name: await view.run(_count, table) for table in tables}


def _count(conn: Connection, table: Table) -> int:
    return int(conn.execute(select(func.count()).select_from(table)).scalar_one())


def ride(seconds: int = 60, start_ms: int = START_MS, source_id: str = "meter") -> Sent:
    """A second a sample: 150 W, 140 bpm, 8 m/s."""
    times = [start_ms + second * 1000 for second in range(seconds)]
    columns = {HEART_RATE: [140] * seconds, POWER: [150] * seconds, SPEED: [8000] * seconds}
    return Sent(source_id, times, columns)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def collected(stream: Any) -> list[Any]:
    return [message async for message in stream]


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in the error's details."""
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in _details(error))
    return str(info.reason)


def violated_fields(error: grpc.aio.AioRpcError) -> Iterable[str]:
    """The fields that the error's details blame."""
    bad = error_details_pb2.BadRequest()
    return [
        violation.field
        for detail in _details(error)
        if detail.Unpack(bad)
        for violation in bad.field_violations
    ]


def _details(error: grpc.aio.AioRpcError) -> Iterable[Any]:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    return list(status.details)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def rig(database_url: str, tmp_path: Path) -> AsyncIterator[Rig]:
    database = open_database(database_url, schema="workout")
    assert module.migrations is not None
    await migrations.upgrade(database, module.migrations)
    live, clock = InProcessLive(), Clock()
    context = ModuleContext(
        cell="eu",
        settings=Settings(data_dir=tmp_path),
        database=lambda _: database,
        bus=None,  # type: ignore[arg-type]
        limiter=None,  # type: ignore[arg-type]
        cache=None,  # type: ignore[arg-type]
        live=live,
        channel=lambda _: None,  # type: ignore[arg-type,return-value]
        clock_ms=clock,
        logger=structlog.get_logger("workout"),
        consent=DevelopmentConsentGate(development=True),
    )
    running = await module.start(context)
    collector = ServiceCollector(
        PipelinePorts(
            cell="eu", authenticator=TokenIsUserId(), consent=DevelopmentConsentGate(development=True)
        )
    )
    for add, servicer in running.servicers:
        add(servicer, collector)
    server = grpc.aio.server()
    collector.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Rig(database, live, clock, channel, running.background)
    await server.stop(None)
    await running.close()
    await live.close()
    await database.close()
