"""What people allow decides what the platform does: by method, by channel, live, and after a withdrawal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from pulsemesh import Client, errors
from pulsemesh.type.v1.channel_pb2 import Channel
from services.workout.tables import analyses, chunks, curves, loads, records, segment_efforts, tracks
from tests.fixtures.waiting import eventually
from tests.integration.services.consent.conftest import CONSENTS, Consenting, allow

START_MS = 1_780_000_000_000
INDOORS = ("heart_rate", "power")
OUTDOORS = (*INDOORS, "latitude", "longitude")
COMPUTED = (analyses, loads, curves, records, tracks, segment_efforts)


async def ride(client: Client, channels: Sequence[str] = OUTDOORS, seconds: int = 700) -> str:
    """Record a ride; its workout."""
    async with client.ingest.record("cycling", channels, start=START_MS) as recording:
        for second in range(seconds):
            values: dict[str, float] = {"heart_rate": 140, "power": 200 + second % 7}
            if "latitude" in channels:
                values |= {"latitude": 52.5 + second * 5e-5, "longitude": 13.4}
            kept = {name: values[name] for name in channels}
            await recording.add(START_MS + second * 1000, **kept)
    return recording.workout_id


async def computed(consenting: Consenting) -> dict[str, int]:
    """How many rows each table of computed numbers has."""
    database: Any = consenting.platform._databases.get("workout")
    async with database.read() as view:
        return await view.run(
            lambda conn: {
                table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
                for table in (*COMPUTED, chunks)
            }
        )


async def analysed(consenting: Consenting) -> bool:
    return (await computed(consenting))["analyses"] > 0


async def test_without_consents_nothing_of_the_body_is_taken(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    with pytest.raises(errors.ConsentMissing) as refused:
        await ride(client, INDOORS)
    assert refused.value.metadata == {"purposes": "health_data", "channels": "heart_rate,power"}


async def test_indoors_needs_no_location(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, "health_data")
    assert await ride(client, INDOORS, 30)
    with pytest.raises(errors.ConsentMissing) as refused:
        await ride(client, OUTDOORS, 30)
    assert refused.value.metadata == {"purposes": "precise_location", "channels": "latitude,longitude"}


async def test_an_analysis_needs_its_own_consent(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, "health_data")
    workout_id = await ride(client, INDOORS, 30)
    with pytest.raises(errors.ConsentMissing):
        await client.analysis.get(workout_id)


async def test_a_withdrawal_erases_what_was_computed_and_a_grant_computes_it_again(
    consenting: Consenting,
) -> None:
    client = consenting.connect("ann")
    await allow(client, *CONSENTS)
    await ride(client)
    await eventually(lambda: analysed(consenting))
    before = await computed(consenting)
    assert before["tracks"] == 1
    await client.consent.withdraw("training_analysis")

    async def erased() -> bool:
        counts = await computed(consenting)
        return not any(counts[table.name] for table in COMPUTED)

    await eventually(erased)
    assert (await computed(consenting))["chunks"] == before["chunks"]
    offered = await client.consent.purposes("training_analysis")
    await client.consent.grant([each.text for each in offered.purposes])

    async def again() -> bool:
        return await computed(consenting) == before

    await eventually(again)


async def test_nothing_is_computed_of_positions_that_may_not_be_used(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, *CONSENTS)
    workout_id = await ride(client)
    await eventually(lambda: analysed(consenting))
    before = await computed(consenting)
    summary = (await client.workouts.get(workout_id)).summary
    await client.consent.withdraw("training_analysis", "precise_location")

    async def tracks_are(count: int) -> bool:
        counts = await computed(consenting)
        return counts["tracks"] == count

    await eventually(lambda: tracks_are(0))
    await allow(client, "training_analysis")
    await eventually(lambda: analysed(consenting))
    assert await tracks_are(0)
    await allow(client, "precise_location")
    await eventually(lambda: tracks_are(1))
    assert await computed(consenting) == before
    assert (await client.workouts.get(workout_id)).summary == summary


async def test_a_withdrawal_holds_for_the_very_next_call(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, *CONSENTS)
    for _ in range(20):
        offered = await client.consent.purposes("training_analysis")
        await client.consent.grant([each.text for each in offered.purposes])
        await client.athlete.settings()
        await client.consent.withdraw("training_analysis")
        with pytest.raises(errors.ConsentMissing):
            await client.athlete.settings()


async def test_a_session_under_way_ends_with_the_withdrawal(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, "health_data")
    with pytest.raises(errors.ConsentMissing):
        await _ride_while_it_is_withdrawn(client)


async def _ride_while_it_is_withdrawn(client: Client) -> None:
    async with client.ingest.record("cycling", ["heart_rate"], start=START_MS) as recording:
        await recording.add(START_MS, heart_rate=140)
        await recording.flush()
        await client.consent.withdraw("health_data")
        await recording.add(START_MS + 1000, heart_rate=141)
        await recording.flush()


async def test_what_is_stored_is_not_shown_without_consent_and_can_be_deleted(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, "health_data", "precise_location")
    workout_id = await ride(client, seconds=60)
    await client.consent.withdraw("health_data")
    workout = await client.workouts.get(workout_id)
    shown = {each.channel for each in workout.summary.channels}
    assert Channel.CHANNEL_HEART_RATE not in shown
    with pytest.raises(errors.ConsentMissing):
        await client.workouts.streams(workout_id, channels=["heart_rate"])
    stream = await client.workouts.streams(workout_id)
    assert "heart_rate" not in str(stream)
    assert await client.workouts.delete(workout_id)


async def test_a_files_content_may_be_anything_so_it_needs_both_consents(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, "health_data")
    with pytest.raises(errors.ConsentMissing, match="precise_location"):
        await client.files.upload(b"a file", name="ride.fit")
