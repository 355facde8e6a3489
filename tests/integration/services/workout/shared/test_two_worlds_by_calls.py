"""Two worlds that differ only in what is hidden answer alike, whatever another person calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pulsemesh import Client
from pulsemesh.errors import PulsemeshError
from pulsemesh.profile.v1 import privacy_pb2 as p
from pulsemesh.profile.v1 import (
    privacy_service_pb2,
    privacy_service_pb2_grpc,
    profile_service_pb2,
    profile_service_pb2_grpc,
)
from pulsemesh.samples import encode_batch
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import analysis_pb2, ingest_service_pb2, ingest_service_pb2_grpc, recording_pb2
from pulsemesh.workout.v1 import shared_workout_service_pb2 as wire
from pulsemesh.workout.v1.shared_workout_service_pb2_grpc import SharedWorkoutServiceStub
from services.chassis.privacy import Circle, Relation, decide
from services.profile.store import privacy as privacy_store
from services.profile.zones import circle_of
from tests.fixtures import worlds as w
from tests.fixtures.related_platform import RelatedPlatform, related_platform
from tests.fixtures.related_workout import RELATIONS
from tests.fixtures.waiting import eventually

EXAMPLES = 12
SECRET = bytes(32)
ZONE = (52.5, 13.4, 200.0)

_found = circle_of(SECRET, *ZONE)
MIDDLE = Circle(_found.latitude_deg, _found.longitude_deg, _found.radius_m)

Example = tuple[tuple[w.World, w.World], p.PrivacySettings, Relation]


def examples() -> list[Example]:
    """Drawn once, always the same."""
    drawn: list[Example] = []
    pairs = st.lists(st.integers(2, 30), min_size=1, max_size=3).flatmap(
        lambda sizes: st.tuples(w.worlds(sizes), w.worlds(sizes))
    )

    @given(st.tuples(pairs, w.settings(), w.RELATIONS))
    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def draw(example: Example) -> None:
        drawn.append(example)

    draw()
    return drawn[:EXAMPLES]


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RelatedPlatform]:
    # Two people whose zones give the same circle, which else never happens.
    monkeypatch.setattr(privacy_store.secrets, "token_bytes", lambda size: SECRET[:size])
    async with related_platform(tmp_path) as served:
        yield served
    RELATIONS.clear()


async def record(client: Client, world: w.World) -> str:
    """Record the workout of a world; returns the owner's id of it."""
    track = w.laid_out(world, MIDDLE)
    request = ingest_service_pb2.AppendSamplesRequest()
    request.open.CopyFrom(
        ingest_service_pb2.OpenRecording(
            recording_id=new_ulid(),
            writer_id="writer",
            sport=sport_pb2.SPORT_CYCLING,
            start_time_ms=track.start_ms,
            sources=[
                recording_pb2.Source(source_id=name, channels=sorted(source.columns))  # type: ignore[arg-type]
                for name, source in track.sources.items()
            ],
        )
    )
    for index, source in enumerate(track.sources.values()):
        columns = {
            channel: [
                value if present else None
                for value, present in zip(column.values.tolist(), column.mask().tolist(), strict=True)
            ]
            for channel, column in source.columns.items()
        }
        request.batches.append(encode_batch(index, 0, source.times_ms.tolist(), columns))
    request.finish.sample_counts.extend(len(source) for source in track.sources.values())
    request.finish.details.CopyFrom(track.details)
    answer = await client.stub(ingest_service_pb2_grpc.IngestServiceStub).AppendSamples(request)
    return str(answer.closed.workout_id)


async def move_in(client: Client, world: w.World, chosen: p.PrivacySettings) -> str:
    """A person with these settings, who recorded this; returns the user id."""
    privacy = client.stub(privacy_service_pb2_grpc.PrivacyServiceStub)
    await privacy.UpdatePrivacySettings(privacy_service_pb2.UpdatePrivacySettingsRequest(rules=chosen.rules))
    if chosen.circles:
        zone = privacy_service_pb2.PrivacyZone(latitude_deg=ZONE[0], longitude_deg=ZONE[1], radius_m=ZONE[2])
        await privacy.CreatePrivacyZone(privacy_service_pb2.CreatePrivacyZoneRequest(zone=zone))
    thresholds = analysis_pb2.Thresholds(sex=analysis_pb2.SEX_FEMALE)
    if world.threshold_power_w:
        thresholds.functional_threshold_power_w = world.threshold_power_w
    if world.weight_kg:
        thresholds.weight_kg = world.weight_kg
    await client.athlete.set_thresholds(thresholds, since_ever=True)
    await record(client, world)
    return await user_id_of(client)


async def user_id_of(client: Client) -> str:
    """Who a client is."""
    profiles = client.stub(profile_service_pb2_grpc.ProfileServiceStub)
    return str((await profiles.GetProfile(profile_service_pb2.GetProfileRequest())).profile.user_id)


async def hide_one_more(client: Client, world: w.World) -> None:
    """Record one more, that nobody may see."""
    private = p.WorkoutPrivacy(rules=[p.AspectRule(aspect=p.ASPECT_WORKOUTS, audience=p.AUDIENCE_ONLY_ME)])
    request = wire.SetWorkoutPrivacyRequest(workout_id=await record(client, world), privacy=private)
    await client.stub(SharedWorkoutServiceStub).SetWorkoutPrivacy(request)


async def all_answers(viewer: Client, user_id: str, known: list[str]) -> list[bytes]:
    """Everything that a viewer is told of a person, with the ids that differ taken out."""
    door = viewer.stub(SharedWorkoutServiceStub)
    answers: list[bytes] = []
    ids = list(known)

    async def told(call: Callable[[], Awaitable[Any]]) -> None:
        try:
            message = await call()
            content = message.SerializeToString(deterministic=True)
        except PulsemeshError as error:
            content = repr((error.code, error.reason, error.message, sorted(error.metadata.items()))).encode()
        answers.append(_anonymous(content, user_id, ids))

    token = ""
    while True:
        page = await door.ListSharedWorkouts(
            wire.ListSharedWorkoutsRequest(user_id=user_id, page_size=1, page_token=token)
        )
        ids += [workout.shared_id for workout in page.workouts]
        answers += [
            _anonymous(workout.SerializeToString(deterministic=True), user_id, ids)
            for workout in page.workouts
        ]
        token = page.next_page_token
        if not token:
            break
    answers.append(str(len(ids) - len(known)).encode())
    for shared_id in ids:
        whose = {"user_id": user_id, "shared_id": shared_id}
        await told(lambda: door.GetSharedWorkout(wire.GetSharedWorkoutRequest(**whose)))  # noqa: B023
        await told(lambda: door.GetSharedAnalysis(wire.GetSharedAnalysisRequest(**whose)))  # noqa: B023
        await told(lambda: _streams(door, whose))  # noqa: B023
        await told(lambda: _file(door, whose))  # noqa: B023
    await told(lambda: door.ListSharedRecordings(wire.ListSharedRecordingsRequest(user_id=user_id)))
    return answers


async def _streams(door: Any, whose: dict[str, str]) -> Any:
    whole = wire.ReadSharedStreamsResponse()
    async for part in door.ReadSharedStreams(wire.ReadSharedStreamsRequest(**whose)):
        whole.MergeFrom(part)
    return whole


async def _file(door: Any, whose: dict[str, str]) -> Any:
    whole = wire.ExportSharedWorkoutResponse()
    content = b""
    async for part in door.ExportSharedWorkout(wire.ExportSharedWorkoutRequest(**whose)):
        content += part.chunk
    whole.chunk = content
    return whole


def _anonymous(content: bytes, user_id: str, ids: list[str]) -> bytes:
    content = content.replace(user_id.encode(), b"<person>")
    for shared_id in ids:
        content = content.replace(shared_id.encode(), b"<id>")
    return content


async def settings_arrived(viewer: Client, user_id: str, expected: bool) -> None:
    """Wait until the workout service knows what the person chose."""
    door = viewer.stub(SharedWorkoutServiceStub)

    async def listed() -> bool:
        page = await door.ListSharedWorkouts(wire.ListSharedWorkoutsRequest(user_id=user_id))
        return bool(page.workouts) == expected

    await eventually(listed)


async def test_no_call_tells_two_worlds_apart_that_differ_in_what_is_hidden(
    platform: RelatedPlatform,
) -> None:
    for number, ((world, other), chosen, relation) in enumerate(examples()):
        viewer = await platform.client(f"viewer-{number}")
        RELATIONS[await user_id_of(viewer)] = relation
        view = decide(chosen, relation)
        owners = [await platform.client(f"owner-{number}-{side}") for side in "ab"]
        people = [
            await move_in(owners[0], world, chosen),
            await move_in(owners[1], w.disguised(world, view, other), chosen),
        ]
        await hide_one_more(owners[1], other)
        seen = view.shows(p.ASPECT_WORKOUTS)
        for user_id in people:
            await settings_arrived(viewer, user_id, seen)
        answers = [await all_answers(viewer, user_id, ["a" * 26, "nonsense"]) for user_id in people]
        assert answers[0] == answers[1]
