"""An archive of an account where much was edited is restored: corrections, splits, merges, choices."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.isolation import DecoderPool, DecoderProcess
from ingest_edge.files.pulsemesh_archive import open_archive
from ingest_edge.importer import FileStatus, Step, StepKind, StepStatus
from pulsemesh import Client
from pulsemesh.revisions import crop, scale
from pulsemesh.testing import Platform, platform
from pulsemesh.workout.v1 import revision_pb2, workout_pb2, workout_service_pb2, workout_service_pb2_grpc
from tests.fixtures import export_archives as making
from tests.integration.ingest_edge.importer.roads import Road, open_road

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 300
OF_THE_PLATFORM = ("workout_id", "user_id", "created_at", "updated_at", "etag", "file_id", "derivation_id")


class Interrupted(Exception):
    """Stands for a process that ends."""


@dataclass
class Account:
    """A person with a gateway, and what they exported."""

    served: Platform
    decoder: DecoderPool
    login: str
    folder: Path
    client: Client = field(init=False)

    async def open(self) -> Account:
        self.client = await self.served.client(self.login)
        return self

    async def run(self, path: Path, *, person: bool = True) -> tuple[Any, list[Any], Road]:
        """Import as the gateway; what is edited is done by the person, or else by the gateway too."""
        token = await self.served.token(self.login, device=True)
        async with open_road(self.folder, self.served.target, self.decoder, token=token) as road:
            road.owner = self.client if person else None
            return await road.run(path), list(road.steps), road

    async def exported(self, name: str) -> Path:
        path = self.folder.with_name(f"{self.login}-{name}.zip")
        assert (await self.client.exports.archive(path)).damaged == 0
        return path


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderPool]:
    with DecoderPool([DecoderProcess(FileDecoder())]) as pool:
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[Platform]:
    async with platform() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edited(
    tmp_path_factory: pytest.TempPathFactory, served: Platform, decoder: DecoderPool
) -> tuple[Account, Path]:
    """Somebody who corrected, split, merged and chose; and the archive of it."""
    folder = tmp_path_factory.mktemp("edited")
    account = await Account(served, decoder, "anna", folder / "home").open()
    twice = making.ride_activity(4, SECONDS)
    files = {f"{at}.fit": making.ride_fit(at, SECONDS) for at in range(4)}
    files |= {"watch.fit": write_activity(twice), "computer.fit": write_activity(louder(twice))}
    await account.run(making.write_zip(folder / "rides.zip", files))
    rides = {
        name: [each.workout_id async for each in account.client.workouts.list() if begins(each, at)]
        for at, name in enumerate(("corrected", "split", "first", "second", "twice"))
    }
    client = account.client
    (corrected,) = rides["corrected"]
    start = making.start_ms(0)
    await client.workouts.update(corrected, title="To work", notes="rain", sport="running")
    await client.revisions.revise(corrected, crop(end=start + 200_000), scale("power", 0.9))
    cut_at = making.start_ms(1) + 100_000
    parts = (await client.revisions.split(rides["split"][0], [cut_at, cut_at + 100_000])).workouts
    await client.workouts.update(parts[1].workout_id, title="The second third")
    await client.revisions.revise(parts[1].workout_id, scale("power", 1.1))
    assert await client.workouts.delete(parts[2].workout_id)
    await client.revisions.merge([*rides["second"], *rides["first"]])
    pair = await only_pair(client)
    await client.duplicates.keep_one(pair.duplicate_id, pair.second.workout_id)
    return account, await account.exported("archive")


def begins(workout: workout_pb2.Workout, number: int) -> bool:
    return workout.start_time.ToMilliseconds() == making.start_ms(number)


def louder(activity: Activity) -> Activity:
    """The same ride by another device."""
    (table,) = [table for table in activity.tables if "power" in table.columns]
    columns = {**table.columns, "power": table.columns["power"] + 1}
    return replace(activity, tables=(replace(table, columns=columns),))


async def only_pair(client: Client) -> Any:
    for _ in range(600):
        pairs = [pair async for pair in client.duplicates.list()]
        if pairs:
            (pair,) = pairs
            return pair
        await asyncio.sleep(0.05)
    raise AssertionError("no pair was found")


async def everything(client: Client) -> list[tuple[Any, ...]]:
    """Every workout, shown and hidden, with samples and correction, without what a platform gives it."""
    stub = workout_service_pb2_grpc.WorkoutServiceStub(client.workouts._channel.for_stub())
    found = []
    for hidden in (False, True):
        chosen = workout_service_pb2.WorkoutFilter(hidden=hidden)
        page = await stub.ListWorkouts(workout_service_pb2.ListWorkoutsRequest(filter=chosen, page_size=100))
        for listed in page.workouts:
            workout = await client.workouts.get(listed.workout_id)
            derived = bool(workout.derivation_id)
            revised = (await client.revisions.get(listed.workout_id)).revision
            streams = list(await client.workouts.streams(listed.workout_id))
            for name in (*OF_THE_PLATFORM, *(("recording_id",) if derived else ())):
                workout.ClearField(name)
            found.append((workout, streams, revised, hidden, derived))
    return sorted(found, key=lambda each: str(each[0]))


async def same(one: Client, other: Client) -> None:
    """Some numbers are put right in the background."""
    for _ in range(30):
        seen, expected = await everything(one), await everything(other)
        if seen == expected:
            return
        await asyncio.sleep(0.1)
    assert len(seen) == len(expected)
    for left, right in zip(seen, expected, strict=True):
        assert str(left[0]).splitlines() == str(right[0]).splitlines()
        assert left == right


def content(path: Path) -> tuple[list[Any], list[Any]]:
    """What an archive holds, in the terms of the first ids that stand for each other."""
    with open_archive(path) as archive:
        workouts = [entry.read() for entry in archive.entries()]
        derivations = archive.derivations()
    shown = []
    for workout in workouts:
        for name in ("created_at", "updated_at"):
            workout.ClearField(name)
        if workout.derived:
            workout.ClearField("recording_id")
        # What is brought along is what its owner made of it.
        workout.details.title, workout.details.notes = "", ""
        shown.append(workout)
    told = []
    for each in derivations:
        each.derivation.ClearField("input_workout_ids")
        each.derivation.ClearField("output_workout_ids")
        each.derivation.ClearField("created_at")
        each.derivation.derivation_id = ""
        told.append((each.derivation, list(each.input_recording_ids), len(each.output_recording_ids)))
    return sorted(shown, key=str), told


async def etags(client: Client) -> dict[str, str]:
    return {each.workout_id: each.etag async for each in client.workouts.list()}


async def another(edited: tuple[Account, Path], login: str, tmp_path: Path) -> Account:
    return await Account(edited[0].served, edited[0].decoder, login, tmp_path / "home").open()


async def test_everything_that_was_edited_is_the_same_for_another_person(
    edited: tuple[Account, Path], tmp_path: Path
) -> None:
    first, path = edited
    second = await another(edited, "berta", tmp_path)
    job, steps, _ = await second.run(path)
    assert job.progress.counts == {FileStatus.IMPORTED: 9}
    assert {(step.kind, step.status) for step in steps} == {(kind, StepStatus.DONE) for kind in StepKind}
    await same(second.client, first.client)
    before = await second.exported("again")
    assert content(before) == content(path)
    # A second import of the same archive changes nothing.
    unchanged = await etags(second.client)
    job, steps, _ = await second.run(path)
    assert set(job.progress.counts) == {FileStatus.DUPLICATE}
    assert {step.status for step in steps} <= {StepStatus.ALREADY, StepStatus.DONE}
    assert await etags(second.client) == unchanged
    assert content(await second.exported("third")) == content(before)


async def test_on_the_account_that_it_came_from_nothing_is_changed(edited: tuple[Account, Path]) -> None:
    first, path = edited
    before = await etags(first.client)
    job, steps, _ = await first.run(path)
    assert set(job.progress.counts) == {FileStatus.DUPLICATE}
    assert {step.status for step in steps} == {StepStatus.ALREADY}
    assert await etags(first.client) == before


async def test_an_import_that_is_interrupted_at_any_step_is_completed(
    edited: tuple[Account, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, path = edited
    second = await another(edited, "cora", tmp_path)
    token = await second.served.token("cora", device=True)
    interruptions = 0
    async with open_road(second.folder, second.served.target, second.decoder, token=token) as road:
        road.owner = second.client
        job_id = await road.ledger.create([path], None)
        seen: set[tuple[str, str]] = set()
        note = road.ledger.note_step

        async def interrupted(job_id: str, archive: str, step: Step) -> None:
            """The platform has done it, and nobody has noted that."""
            if (step.kind, step.subject) not in seen:
                seen.add((step.kind, step.subject))
                raise Interrupted
            await note(job_id, archive, step)

        monkeypatch.setattr(road.ledger, "note_step", interrupted)
        job = None
        while job is None and interruptions < 30:
            try:
                job = await road.runner().run(job_id)
            except Interrupted:
                interruptions += 1
        assert job is not None
        assert interruptions == len(seen) >= 6
        assert job.progress.counts[FileStatus.IMPORTED] + job.progress.counts[FileStatus.DUPLICATE] == 9
    await same(second.client, first.client)


async def test_a_gateway_alone_leaves_what_only_a_person_may_do_until_it_is_resumed(
    edited: tuple[Account, Path], tmp_path: Path
) -> None:
    first, path = edited
    second = await another(edited, "dora", tmp_path)
    token = await second.served.token("dora", device=True)
    async with open_road(second.folder, second.served.target, second.decoder, token=token) as road:
        job = await road.run(path)
        assert job.progress.counts == {FileStatus.IMPORTED: 6, FileStatus.WAITING: 3}
        assert {step.status for step in road.steps} == {StepStatus.WAITING}
        road.owner = second.client
        await road.ledger.requeue(job.job_id)
        job = await road.runner().run(job.job_id)
        assert job.progress.counts == {FileStatus.IMPORTED: 9}
        assert {step.status for step in await road.ledger.steps(job.job_id)} == {StepStatus.DONE}
    await same(second.client, first.client)


async def test_what_cannot_be_repeated_is_imported_as_it_is(
    edited: tuple[Account, Path], tmp_path: Path
) -> None:
    """The archive lost the workouts of which others were made."""
    first, path = edited
    second = await another(edited, "emma", tmp_path)
    with open_archive(path) as archive:
        inputs = {
            recording_id
            for each in archive.derivations()
            if each.derivation.kind != revision_pb2.DERIVATION_KIND_KEEP_ONE
            for recording_id in each.input_recording_ids
        }
        lost = {entry.name for entry in archive.entries() if entry.recording_id in inputs}
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist() if name not in lost}
    job, steps, _ = await second.run(making.write_zip(tmp_path / "lost.zip", members))
    assert job.progress.counts == {FileStatus.IMPORTED: 6}
    failed = {step.kind: step for step in steps if step.status is StepStatus.FAILED}
    assert set(failed) == {StepKind.SPLIT, StepKind.MERGE}
    assert failed[StepKind.MERGE].reason == "one of its workouts is not here"
    titles = {each.title async for each in second.client.workouts.list()}
    assert titles == {each.title async for each in first.client.workouts.list()}
