"""What a platform exported is imported by another person, or again by the same one, sample for sample."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.isolation import DecoderPool, DecoderProcess
from ingest_edge.importer import FileStatus
from pulsemesh import Client, connect
from pulsemesh.testing import Platform, platform
from tests.fixtures import export_archives as making
from tests.integration.ingest_edge.importer.roads import open_road


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderPool]:
    with DecoderPool([DecoderProcess(FileDecoder())]) as pool:
        yield pool


@pytest.fixture
async def served() -> AsyncIterator[Platform]:
    async with platform() as running:
        yield running


async def _streams(client: Client) -> dict[str, object]:
    """Times and values of every workout by its title."""
    found: dict[str, object] = {}
    async for workout in client.workouts.list():
        streams = await client.workouts.streams(workout.workout_id)
        found[workout.title] = [(each.source_id, each.times_ms, each.columns) for each in streams]
    return found


async def test_an_export_is_imported_by_another_person_sample_for_sample(
    tmp_path: Path, served: Platform, decoder: DecoderPool
) -> None:
    rows = [making.StravaRow(str(at), f"{at}.fit", f"Ride {at}", description="notes") for at in range(3)]
    files = {f"{at}.fit": making.ride_fit(at) for at in range(3)}
    path = making.strava_zip(tmp_path / "strava.zip", rows, files)
    first, second = await served.token("one", device=True), await served.token("two", device=True)
    async with open_road(tmp_path / "one", served.target, decoder, token=first) as way:
        assert (await way.run(path)).progress.counts == {FileStatus.IMPORTED: 3}
    exported = tmp_path / "all.zip"
    async with connect(served.target, await served.token("one")) as client:
        await client.exports.archive(exported)
        before = await _streams(client)
    async with open_road(tmp_path / "again", served.target, decoder, token=first) as way:
        assert (await way.run(exported)).progress.counts == {FileStatus.DUPLICATE: 3}
    async with open_road(tmp_path / "two", served.target, decoder, token=second) as way:
        job = await way.run(exported)
        assert job.progress.counts == {FileStatus.IMPORTED: 3}
    async with connect(served.target, await served.token("two")) as client:
        assert set(before) == {"Ride 0", "Ride 1", "Ride 2"}
        assert await _streams(client) == before
        async for workout in client.workouts.list():
            assert workout.notes == "notes"
            assert workout.file_id
