"""Restriction: what is stored stays, and is used for nothing until it is lifted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pulsemesh import Client, errors
from tests.integration.services.consent.conftest import CONSENTS, Consenting, allow

START = datetime(2026, 6, 1, 7, tzinfo=UTC)


async def ride(client: Client, *channels: str) -> str:
    async with client.ingest.record("cycling", channels or ["speed"], start=START) as live:
        for second in range(10):
            values = dict.fromkeys(channels or ["speed"], 100 + second)
            await live.add(START + timedelta(seconds=second), **values)
    return (await anext(client.workouts.list())).workout_id


async def test_every_use_that_needs_a_consent_is_refused_at_once_and_nobody_elses(
    consenting: Consenting,
) -> None:
    client, other = consenting.connect("ann"), consenting.connect("bea")
    for each in (client, other):
        await allow(each, *CONSENTS)
    workout_id = await ride(client, "heart_rate")
    for _ in range(5):
        await client.athlete.settings()  # the gate keeps what it heard
        await client.rights.restrict()
        with pytest.raises(errors.ConsentMissing):
            await client.athlete.settings()
        await client.rights.restrict(False)
    await client.rights.restrict()
    with pytest.raises(errors.ConsentMissing):
        await client.analysis.get(workout_id)
    with pytest.raises(errors.ConsentMissing):
        await client.workouts.streams(workout_id, channels=["heart_rate"])
    with pytest.raises(errors.ConsentMissing):
        await client.files.upload(b"a file", name="ride.fit")
    with pytest.raises(errors.ConsentMissing):
        await ride(client, "heart_rate")
    assert await other.athlete.settings()
    assert await ride(other, "heart_rate")


async def test_what_is_stored_stays_and_its_owner_can_have_it_and_delete_it(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, *CONSENTS)
    workout_id = await ride(client, "heart_rate")
    assert await client.rights.restricted_since() is None
    await client.rights.restrict()
    since = await client.rights.restricted_since()
    assert since is not None
    await client.rights.restrict()  # a repeat keeps the time
    assert await client.rights.restricted_since() == since
    assert (await client.workouts.get(workout_id)).workout_id == workout_id
    assert (await client.rights.request_export()).rights_request_id
    assert await client.workouts.delete(workout_id)


async def test_lifting_gives_back_what_was_granted_and_no_more(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await allow(client, *CONSENTS)
    await client.rights.restrict()
    await client.consent.withdraw("precise_location")  # words are heard meanwhile, too
    await client.rights.restrict(False)
    assert await client.rights.restricted_since() is None
    assert await client.athlete.settings()
    assert await ride(client, "heart_rate")
    with pytest.raises(errors.ConsentMissing):
        await ride(client, "latitude", "longitude")


async def test_granting_does_not_lift_a_restriction(consenting: Consenting) -> None:
    client = consenting.connect("ann")
    await client.rights.restrict()
    await allow(client, *CONSENTS)
    with pytest.raises(errors.ConsentMissing):
        await client.athlete.settings()
