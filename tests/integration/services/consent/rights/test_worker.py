"""Work on rights that is cut off, fails for a while, or is done by two processes."""

from __future__ import annotations

import asyncio
import itertools
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, insert, select

from pulsemesh.auth.v1 import events_pb2
from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.consent.v1.rights_pb2 import RIGHTS_KIND_ERASURE as ERASURE
from pulsemesh.consent.v1.rights_pb2 import RIGHTS_KIND_EXPORT as EXPORT
from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.type.v1 import personal_data_pb2
from pulsemesh.ulid import new_ulid
from services.chassis.bus import InProcessBus
from services.chassis.channels import DomainNotReachable
from services.chassis.database import Database, open_database, personal
from services.chassis.errors import Unavailable
from services.chassis.migrations import chassis_metadata
from services.chassis.personal_data import PersonalData
from services.consent.rights import requesting, store
from services.consent.rights.domains import Domain
from services.consent.rights.following import deletion_consumer
from services.consent.rights.messages import request_message
from services.consent.rights.progress import Progress
from services.consent.rights.worker import Pace, RightsWorker
from services.consent.tables import metadata as consent_metadata
from tests.fixtures.waiting import eventually

things = MetaData()
rides = Table(
    "ride",
    things,
    Column("id", Integer, primary_key=True, autoincrement=True, info=personal("none")),
    Column("user_id", String, nullable=False, info=personal("identity")),
)
RIDES = 3
WAITING, RUNNING = rights_pb2.RIGHTS_STATE_WAITING, rights_pb2.RIGHTS_STATE_RUNNING
DONE, CANCELLED = rights_pb2.RIGHTS_STATE_DONE, rights_pb2.RIGHTS_STATE_CANCELLED


class Steps:
    """Counts the steps of the work, and ends it at one of them."""

    def __init__(self) -> None:
        self.ends_at: int | None = None
        self.error: Callable[[], BaseException] = asyncio.CancelledError
        self.taken = 0

    def __call__(self) -> None:
        self.taken += 1
        if self.ends_at == self.taken:
            raise self.error()


@dataclass(frozen=True)
class Local(Domain):
    """A domain that is asked without a contract; what it does is what every domain does."""

    data: PersonalData
    step: Callable[[], None]

    async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
        self.step()
        async for piece in self.data.export(user_id):
            yield piece
        self.step()

    async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
        self.step()
        places = await self.data.erase(user_id)
        self.step()
        return places


def no_channel(domain: str) -> object:
    raise AssertionError("there is none")


class Rig:
    """A consent database, one of a domain with rides, and workers over them."""

    def __init__(
        self, consent: Database, ride_log: Database, clock: Callable[[], int], scratch: Path
    ) -> None:
        self.consent, self.ride_log, self.steps, self.clock_ms = consent, ride_log, Steps(), clock
        self.scratch = scratch
        self.sparing = {"rights_requests": store.at_work_erasing()}

    def worker(self, *more: Domain) -> RightsWorker:
        def local(name: str, metadata: MetaData, database: Database, **options: object) -> Domain:
            data = PersonalData(name, metadata, database, **options)  # type: ignore[arg-type]
            return Local(name, no_channel, data, self.steps)  # type: ignore[arg-type]

        domains = [
            local("rides", things, self.ride_log),
            *more,
            local("consent", consent_metadata, self.consent, sparing=self.sparing),
        ]
        return RightsWorker(
            self.consent, domains, InProcessBus(), self.clock_ms, Pace(0.0, 0.05, 10**9), scratch=self.scratch
        )

    async def live(self, user_id: str) -> None:
        def ride(conn: Connection) -> None:
            conn.execute(insert(rides), [{"user_id": user_id}] * RIDES)

        async with self.ride_log.write() as transaction:
            await transaction.run(ride)
        async with self.consent.write() as transaction:
            await transaction.run(store.restrict, user_id, 1)

    async def ask(self, user_id: str, kind: int, *, due_in_ms: int = 0) -> str:
        now_ms = self.clock_ms()
        async with self.consent.write() as transaction:
            row = await transaction.run(requesting.request, user_id, kind, now_ms, now_ms + due_in_ms)
        return str(row.rights_request_id)

    async def told(self, rights_request_id: str) -> rights_pb2.RightsRequest:
        async with self.consent.read() as view:
            row = await view.run(store.find, rights_request_id)
        assert row is not None
        return request_message(row)

    async def left_of(self, user_id: str) -> int:
        def count(conn: Connection, table: Table) -> int:
            return len(conn.execute(select(table).where(table.c.user_id == user_id)).all())

        total = 0
        for database, tables in (
            (self.ride_log, things.sorted_tables),
            (self.consent, consent_metadata.sorted_tables),
        ):
            async with database.read() as view:
                for table in tables:
                    total += await view.run(count, table) if "user_id" in table.c else 0
        return total

    async def archive(self, rights_request_id: str) -> bytes:
        async with self.consent.read() as view:
            row = await view.run(store.find, rights_request_id)
            assert row is not None
            content, size = b"", 0
            while (found := await view.run(store.piece_at, row.request_pk, size)) is not None:
                assert found[0] == size
                content += found[1]
                size = len(content)
        return content


class Clock:
    ahead_ms = 0

    def __call__(self) -> int:
        return 1_800_000_000_000 + self.ahead_ms


async def opened(url: str, scratch: Path) -> Rig:
    consent, ride_log = open_database(url, schema="consent"), open_database(url, schema="rides")
    for database, metadata in ((consent, consent_metadata), (ride_log, things)):
        await database.change_schema(chassis_metadata.create_all)
        await database.change_schema(metadata.create_all)
    return Rig(consent, ride_log, Clock(), scratch)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    made = await opened(f"sqlite:///{tmp_path}", tmp_path / "scratch")
    written = Progress.write

    async def write(progress: Progress, **values: object) -> None:
        made.steps()
        await written(progress, **values)
        made.steps()

    monkeypatch.setattr(Progress, "write", write)
    for database in (made.consent, made.ride_log):
        scrub = database.scrub

        async def scrubbed(scrub: Callable[[], object] = scrub) -> None:
            made.steps()
            await scrub()  # type: ignore[misc]
            made.steps()

        monkeypatch.setattr(database, "scrub", scrubbed)
    yield made
    await made.consent.close()
    await made.ride_log.close()


def counts(request: rights_pb2.RightsRequest) -> dict[str, int]:
    return {f"{place.domain} {place.place}": place.count for place in request.places if place.count}


async def test_an_erasure_ends_whole_wherever_its_process_died(rig: Rig) -> None:
    """Killed at each of its steps in turn; the next process goes on, and every row is counted once."""
    for end in itertools.count(1):
        person, rig.steps = f"eu_{end}", Steps()
        await rig.live(person)
        asked = await rig.ask(person, ERASURE)
        rig.steps.ends_at = end
        try:
            await rig.worker().work()
        except asyncio.CancelledError:
            rig.steps.ends_at = None
            await rig.worker().work()
        else:
            break
        done = await rig.told(asked)
        assert done.state == DONE
        expected = {"rides table ride": RIDES, "consent table people": 1, "consent table restrictions": 1}
        assert counts(done) == expected, end
        assert await rig.left_of(person) == 0, end
        assert person not in str(done)
    assert end > 20


async def test_an_export_ends_whole_wherever_its_process_died(rig: Rig) -> None:
    await rig.live("eu_other")
    for end in itertools.count(1):
        person, rig.steps = f"eu_{end}", Steps()
        await rig.live(person)
        asked = await rig.ask(person, EXPORT)
        rig.steps.ends_at = end
        try:
            await rig.worker().work()
        except asyncio.CancelledError:
            half = await rig.told(asked)
            assert half.state == DONE or not half.size_bytes  # there is nothing to fetch of what is half made
            rig.steps.ends_at = None
            await rig.worker().work()
        else:
            break
        done, content = await rig.told(asked), await rig.archive(asked)
        assert (done.state, done.size_bytes) == (DONE, len(content))
        with zipfile.ZipFile(BytesIO(content)) as archive:
            lines = archive.read("personal-data/rides/ride.jsonl").splitlines()
        assert [json.loads(line)["user_id"] for line in lines] == [person] * RIDES
    assert end > 4


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (DomainNotReachable("lake"), "DomainNotReachable"),
        (Unavailable(), "Unavailable"),
    ],
)
@pytest.mark.parametrize("kind", [ERASURE, EXPORT])
async def test_a_domain_that_cannot_answer_is_asked_again(
    rig: Rig, kind: int, error: Exception, trouble: str
) -> None:
    @dataclass(frozen=True)
    class Away(Domain):
        down: list[Exception]

        async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
            if self.down:
                raise self.down[0]
            yield "lake/file", b"x"

        async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
            if self.down:
                raise self.down[0]
            return []

    away = Away("lake", no_channel, [error])  # type: ignore[arg-type]
    worker = rig.worker(away)
    await rig.live("eu_ann")
    asked = await rig.ask("eu_ann", kind)
    await worker.work()
    hanging = await rig.told(asked)
    assert hanging.state == RUNNING
    assert {each.domain: (each.done, each.trouble) for each in hanging.domains} == {
        "rides": (True, ""),
        "lake": (False, trouble),
    }
    await worker.work()  # not before its time
    assert await rig.told(asked) == hanging
    away.down.clear()
    rig.clock_ms.ahead_ms += 2_000  # type: ignore[attr-defined]
    await worker.work()
    done = await rig.told(asked)
    assert done.state == DONE
    assert not any(each.trouble for each in done.domains)
    if kind == ERASURE:
        assert counts(done)["rides table ride"] == RIDES
        assert await rig.left_of("eu_ann") == 0


async def test_parts_that_a_killed_process_left_on_the_disk_are_removed(rig: Rig) -> None:
    left = rig.scratch / "tmp1234" / "parts"
    left.mkdir(parents=True)
    (left / "rides.jsonl").write_text("eu_ann")
    await rig.worker().work()
    assert list(rig.scratch.iterdir()) == []


async def test_one_persons_trouble_holds_up_nobody_else(rig: Rig) -> None:
    for person in ("eu_ann", "eu_bea"):
        await rig.live(person)
    first, second = await rig.ask("eu_ann", ERASURE), await rig.ask("eu_bea", ERASURE)
    rig.steps.ends_at, rig.steps.error = 1, Unavailable
    await rig.worker().work()
    assert ((await rig.told(first)).state, (await rig.told(second)).state) == (RUNNING, DONE)


async def deletion(rig: Rig, person: str) -> None:
    asked = Envelope(
        event_id=new_ulid(),
        type=events_pb2.AccountDeletionRequested.DESCRIPTOR.full_name,
        producer="auth",
        cell="eu",
        subject=person,
    )
    await deletion_consumer(rig.consent, rig.clock_ms).handle([asked])


async def test_a_deleted_account_hurries_an_erasure_on_and_ends_exports(rig: Rig) -> None:
    await rig.live("eu_ann")
    asked = await rig.ask("eu_ann", ERASURE, due_in_ms=86_400_000)
    export = await rig.ask("eu_ann", EXPORT)
    await deletion(rig, "eu_ann")
    assert (await rig.told(export)).state == CANCELLED
    waiting = await rig.told(asked)
    assert (waiting.state, waiting.due_at.ToMilliseconds()) == (WAITING, rig.clock_ms())
    await rig.worker().work()
    assert (await rig.told(asked)).state == DONE
    assert await rig.left_of("eu_ann") == 0


async def test_an_export_that_is_being_made_ends_with_the_account(rig: Rig) -> None:
    await rig.live("eu_ann")
    export = await rig.ask("eu_ann", EXPORT)

    @dataclass(frozen=True)
    class Slow(Domain):
        async def export(self, user_id: str) -> AsyncIterator[tuple[str, bytes]]:
            await deletion(rig, user_id)
            yield "slow/file", b"x"

        async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
            return []

    worker = rig.worker(Slow("slow", no_channel))  # type: ignore[arg-type]
    await worker.work()
    assert ((await rig.told(export)).state, await rig.archive(export)) == (CANCELLED, b"")
    await worker.work()
    assert await rig.left_of("eu_ann") == 0


async def test_nobody_asks_for_the_erased_again(rig: Rig) -> None:
    await rig.live("eu_ann")
    await rig.ask("eu_ann", ERASURE)
    await rig.worker().work()
    await deletion(rig, "eu_ann")  # an event that came late
    assert await rig.left_of("eu_ann") == 0


async def test_what_arrives_during_an_erasure_is_erased_too(rig: Rig) -> None:
    await rig.live("eu_ann")

    @dataclass(frozen=True)
    class Arriving(Domain):
        left: list[str]

        async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
            if self.left:
                await rig.live(self.left.pop())
            return []

    asked = await rig.ask("eu_ann", ERASURE)
    await rig.worker(Arriving("late", no_channel, ["eu_ann", "eu_ann"])).work()  # type: ignore[arg-type]
    done = await rig.told(asked)
    assert (done.state, counts(done)["rides table ride"]) == (DONE, 3 * RIDES)
    assert await rig.left_of("eu_ann") == 0


async def test_of_two_processes_one_works_and_the_other_goes_on_where_it_died(
    postgres_url: str, tmp_path: Path
) -> None:
    first, second = [await opened(postgres_url, tmp_path / name) for name in ("one", "other")]
    reached, gate = asyncio.Event(), asyncio.Event()

    @dataclass(frozen=True)
    class Stuck(Domain):
        reached: asyncio.Event
        gate: asyncio.Event

        async def erase(self, user_id: str) -> Sequence[personal_data_pb2.ErasedPlace]:
            self.reached.set()
            await self.gate.wait()
            return []

    second_reached, open_gate = asyncio.Event(), asyncio.Event()
    open_gate.set()
    await first.live("eu_ann")
    asked = await first.ask("eu_ann", ERASURE)
    dying = asyncio.create_task(first.worker(Stuck("slow", no_channel, reached, gate)).run())  # type: ignore[arg-type]
    await asyncio.wait_for(reached.wait(), 30)
    other = second.worker(Stuck("slow", no_channel, second_reached, open_gate))  # type: ignore[arg-type]
    going_on = asyncio.create_task(other.run())
    await asyncio.sleep(0.3)
    assert not second_reached.is_set()
    dying.cancel()
    await asyncio.wait([dying])

    async def done() -> bool:
        return (await second.told(asked)).state == DONE

    await eventually(done)
    going_on.cancel()
    await asyncio.wait([going_on])
    assert counts(await second.told(asked))["rides table ride"] == RIDES
    assert await second.left_of("eu_ann") == 0
    for rig in (first, second):
        await rig.consent.close()
        await rig.ride_log.close()
