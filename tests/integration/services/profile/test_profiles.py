"""Profiles, handles, pictures and privacy settings through the real platform."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from PIL import Image

from pulsemesh import Client
from pulsemesh.errors import (
    AlreadyExists,
    Conflict,
    EtagMismatch,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from pulsemesh.profile.v1 import (
    avatar_service_pb2,
    avatar_service_pb2_grpc,
    physiology_pb2,
    physiology_service_pb2,
    physiology_service_pb2_grpc,
    privacy_pb2,
    privacy_service_pb2,
    privacy_service_pb2_grpc,
    profile_pb2,
    profile_service_pb2,
    profile_service_pb2_grpc,
)
from pulsemesh.workout.v1 import analysis_pb2
from services.chassis.privacy import DEFAULTS, Relation
from tests.fixtures.related_platform import RelatedPlatform, related_platform
from tests.fixtures.related_workout import RELATIONS
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

P, W = privacy_pb2, profile_service_pb2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RelatedPlatform]:
    async with related_platform(Path(tmp_path_factory.mktemp("platform"))) as served:
        yield served
    RELATIONS.clear()


def profiles(client: Client) -> Any:
    return client.stub(profile_service_pb2_grpc.ProfileServiceStub)


def privacy(client: Client) -> Any:
    return client.stub(privacy_service_pb2_grpc.PrivacyServiceStub)


def avatars(client: Client) -> Any:
    return client.stub(avatar_service_pb2_grpc.AvatarServiceStub)


def physiology(client: Client) -> Any:
    return client.stub(physiology_service_pb2_grpc.PhysiologyServiceStub)


async def user_id(client: Client) -> str:
    return str((await profiles(client).GetProfile(W.GetProfileRequest())).profile.user_id)


async def change(client: Client, *, etag: str = "", request_id: str = "", **fields: Any) -> Any:
    request = W.UpdateProfileRequest(
        profile=profile_pb2.Profile(**fields),
        update_mask=FieldMask(paths=list(fields)),
        etag=etag,
        request_id=request_id,
    )
    return (await profiles(client).UpdateProfile(request)).profile


async def show(client: Client, audience: P.Audience.ValueType, *aspects: P.Aspect.ValueType) -> None:
    rules = [P.AspectRule(aspect=aspect, audience=audience) for aspect in aspects]
    await privacy(client).UpdatePrivacySettings(privacy_service_pb2.UpdatePrivacySettingsRequest(rules=rules))


async def look(viewer: Client, **person: str) -> Any:
    return (await profiles(viewer).GetPublicProfile(W.GetPublicProfileRequest(**person))).profile


async def test_a_profile_is_there_from_the_first_call_on_and_changes_by_mask(
    platform: RelatedPlatform,
) -> None:
    ann = await platform.client("ann")
    first = (await profiles(ann).GetProfile(W.GetProfileRequest())).profile
    after = await change(
        ann,
        display_name="  Ann\u202e  Example ",
        language="PT-br",
        time_zone="Europe/Berlin",
        links=["https://example.org/ann"],
        birth_date="1990-05-17",
    )
    assert after.user_id == first.user_id
    assert (after.display_name, after.language) == ("Ann Example", "pt-BR")
    assert after.etag != first.etag
    kept = await change(ann, bio="I ride", etag=after.etag)
    assert (kept.bio, kept.display_name, kept.time_zone) == ("I ride", "Ann Example", "Europe/Berlin")


@pytest.mark.parametrize(
    "fields",
    [
        {"birth_date": "1990-02-30"},
        {"birth_date": "2999-01-01"},
        {"time_zone": "Mars/Olympus"},
        {"links": ["javascript:alert(1)"]},
        {"language": "!"},
        {"handle": "ann"},
        {"etag": "v1"},
    ],
)
async def test_what_a_profile_cannot_hold_is_refused(platform: RelatedPlatform, fields: Any) -> None:
    with pytest.raises(InvalidArgument):
        await change(await platform.client("ann"), **fields)


async def test_an_outdated_edit_is_refused_and_a_repeated_one_answered_again(
    platform: RelatedPlatform,
) -> None:
    eve = await platform.client("eve")
    first = await change(eve, place="Ghent", request_id="one")
    await change(eve, place="Bruges")
    assert await change(eve, place="Ghent", request_id="one") == first
    with pytest.raises(EtagMismatch):
        await change(eve, place="Ghent", etag=first.etag)
    with pytest.raises(Conflict):
        await change(eve, place="Antwerp", request_id="one")


async def test_a_handle_is_one_persons_and_changes_rarely(platform: RelatedPlatform) -> None:
    bob, carl = await platform.client("bob"), await platform.client("carl")
    claimed = (await profiles(bob).ClaimHandle(W.ClaimHandleRequest(handle="@Bob_Rides"))).profile
    assert claimed.handle == "bob_rides"
    assert claimed.HasField("handle_changeable_at")
    repeated = (await profiles(bob).ClaimHandle(W.ClaimHandleRequest(handle="bob_rides"))).profile
    assert repeated == claimed
    for taken in ("bob_rides", "b0b_rides", "admin"):
        with pytest.raises(AlreadyExists):
            await profiles(carl).ClaimHandle(W.ClaimHandleRequest(handle=taken))
    with pytest.raises(FailedPrecondition):
        await profiles(bob).ClaimHandle(W.ClaimHandleRequest(handle="robert"))
    states = [
        (await profiles(carl).CheckHandle(W.CheckHandleRequest(handle=handle))).state
        for handle in ("bob_rides", "admin", "x", "carl_rides")
    ]
    names = [W.CheckHandleResponse.State.Name(state).removeprefix("STATE_") for state in states]
    assert names == ["TAKEN", "RESERVED", "MALFORMED", "AVAILABLE"]


async def test_a_hidden_person_and_nobody_are_one_answer(platform: RelatedPlatform) -> None:
    dora, viewer = await platform.client("dora"), await platform.client("viewer")
    await change(dora, display_name="Dora")
    await profiles(dora).ClaimHandle(W.ClaimHandleRequest(handle="dora_hides"))
    answers = []
    for person in ({"user_id": await user_id(dora)}, {"user_id": "eu_00000000000000000000000000"}):
        with pytest.raises(NotFound) as refused:
            await look(viewer, **person)
        text = refused.value.message.replace(person["user_id"], "?")
        metadata = {**refused.value.metadata, "id": "?"}
        answers.append((text, refused.value.reason, metadata, refused.value.violations))
    assert answers[0] == answers[1]
    with pytest.raises(NotFound):
        await look(viewer, handle="dora_hides")


async def test_another_sees_exactly_what_is_shown(platform: RelatedPlatform) -> None:
    fay, viewer = await platform.client("fay"), await platform.client("viewer")
    await change(fay, display_name="Fay", bio="secret", place="Ghent", birth_date="2000-01-01")
    await profiles(fay).ClaimHandle(W.ClaimHandleRequest(handle="fay_runs"))
    await show(fay, P.AUDIENCE_EVERYONE, P.ASPECT_PROFILE, P.ASPECT_PLACE)
    await show(fay, P.AUDIENCE_FOLLOWERS, P.ASPECT_AGE)
    seen = await look(viewer, handle="FAY_RUNS")
    assert {field.name for field, _ in seen.ListFields()} == {"user_id", "handle", "display_name", "place"}
    RELATIONS[await user_id(viewer)] = Relation(follower=True)
    assert (await look(viewer, handle="fay_runs")).HasField("age_years")
    RELATIONS[await user_id(viewer)] = Relation(follower=True, blocked=True)
    with pytest.raises(NotFound):
        await look(viewer, handle="fay_runs")
    RELATIONS.clear()


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(buffer, "PNG")
    return buffer.getvalue()


async def upload(client: Client, content: bytes) -> str:
    async def parts() -> AsyncIterator[Any]:
        for start in range(0, len(content), 100):
            yield avatar_service_pb2.UploadAvatarRequest(chunk=content[start : start + 100])

    return str((await avatars(client).UploadAvatar(parts())).avatar_id)


async def test_a_picture_is_served_to_those_who_may_see_it(platform: RelatedPlatform) -> None:
    gus, viewer = await platform.client("gus"), await platform.client("viewer")
    request = avatar_service_pb2.GetAvatarRequest(user_id=await user_id(gus), size=1)
    avatar_id = await upload(gus, picture())
    mine = await avatars(gus).GetAvatar(request)
    assert (mine.avatar_id, mine.media_type) == (avatar_id, "image/webp")
    with pytest.raises(NotFound):
        await avatars(viewer).GetAvatar(request)
    await show(gus, P.AUDIENCE_EVERYONE, P.ASPECT_PROFILE, P.ASPECT_AVATAR)
    assert await avatars(viewer).GetAvatar(request) == mine
    assert (await avatars(gus).DeleteAvatar(avatar_service_pb2.DeleteAvatarRequest())).deleted
    with pytest.raises(NotFound):
        await avatars(gus).GetAvatar(request)


async def test_what_is_no_picture_is_refused_and_the_old_one_stays(platform: RelatedPlatform) -> None:
    hal = await platform.client("hal")
    avatar_id = await upload(hal, picture())
    with pytest.raises(InvalidArgument) as refused:
        await upload(hal, b"<svg/>")
    assert refused.value.reason_name == "IMAGE_INVALID"
    assert (await profiles(hal).GetProfile(W.GetProfileRequest())).profile.avatar_id == avatar_id


async def test_settings_are_complete_and_change_one_by_one(platform: RelatedPlatform) -> None:
    ida = await platform.client("ida")
    await show(ida, P.AUDIENCE_EVERYONE, P.ASPECT_MAP)
    settings = (
        await privacy(ida).GetPrivacySettings(privacy_service_pb2.GetPrivacySettingsRequest())
    ).settings
    assert {rule.aspect: rule.audience for rule in settings.rules} == {
        **DEFAULTS,
        P.ASPECT_MAP: P.AUDIENCE_EVERYONE,
    }


async def test_zones_are_made_once_bounded_and_forgotten(platform: RelatedPlatform) -> None:
    jan = await platform.client("jan")
    zone = privacy_service_pb2.PrivacyZone(name="home", latitude_deg=50.1, longitude_deg=3.2, radius_m=250)
    request = privacy_service_pb2.CreatePrivacyZoneRequest(zone=zone, request_id="one")
    made = (await privacy(jan).CreatePrivacyZone(request)).zone
    assert made.circle.radius_m >= 500
    assert (await privacy(jan).CreatePrivacyZone(request)).zone == made
    for _ in range(15):
        request.request_id = ""
        await privacy(jan).CreatePrivacyZone(request)
    with pytest.raises(ResourceExhausted):
        await privacy(jan).CreatePrivacyZone(request)
    listed = (await privacy(jan).ListPrivacyZones(privacy_service_pb2.ListPrivacyZonesRequest())).zones
    assert len({(each.circle.latitude_deg, each.circle.longitude_deg) for each in listed}) == 1
    gone = privacy_service_pb2.DeletePrivacyZoneRequest(zone_id=made.zone_id)
    assert (await privacy(jan).DeletePrivacyZone(gone)).deleted
    assert not (await privacy(jan).DeletePrivacyZone(gone)).deleted


async def test_no_person_is_told_by_what_it_is_decided(platform: RelatedPlatform) -> None:
    kim = await platform.client("kim")
    with pytest.raises(PermissionDenied):
        await privacy(kim).GetPrivacy(privacy_service_pb2.GetPrivacyRequest(user_id=await user_id(kim)))


async def test_thresholds_told_on_either_side_are_the_same_on_both(platform: RelatedPlatform) -> None:
    lea = await platform.client("lea")
    told = [
        physiology_pb2.PhysiologyValue(
            quantity=physiology_pb2.QUANTITY_FUNCTIONAL_THRESHOLD_POWER,
            value=250,
            effective_from="2026-01-01",
        ),
        physiology_pb2.PhysiologyValue(quantity=physiology_pb2.QUANTITY_HEIGHT, value=1.74),
    ]
    await physiology(lea).SetPhysiology(physiology_service_pb2.SetPhysiologyRequest(values=told))
    await lea.athlete.set_thresholds(analysis_pb2.Thresholds(weight_kg=61), since_ever=True)

    async def both() -> bool:
        theirs = await lea.athlete.thresholds("2026-06-01")
        held = await physiology(lea).GetPhysiology(
            physiology_service_pb2.GetPhysiologyRequest(day="2026-06-01")
        )
        mine = {value.quantity: value.value for value in held.values}
        return (theirs.functional_threshold_power_w, theirs.weight_kg) == (250, 61) and mine == {
            1: 250,
            9: 61,
            101: 1.74,
        }

    await eventually(both)


async def test_a_quantity_out_of_bounds_is_refused(platform: RelatedPlatform) -> None:
    value = physiology_pb2.PhysiologyValue(quantity=physiology_pb2.QUANTITY_HEIGHT, value=174)
    with pytest.raises(InvalidArgument):
        await physiology(await platform.client("lea")).SetPhysiology(
            physiology_service_pb2.SetPhysiologyRequest(values=[value])
        )


async def test_the_history_comes_in_pages_the_latest_first(platform: RelatedPlatform) -> None:
    max_ = await platform.client("max")
    values = [
        physiology_pb2.PhysiologyValue(
            quantity=physiology_pb2.QUANTITY_VO2_MAX, value=50 + day, effective_from=f"2026-01-0{day}"
        )
        for day in range(1, 6)
    ]
    await physiology(max_).SetPhysiology(physiology_service_pb2.SetPhysiologyRequest(values=values))
    listed, token = [], ""
    while not listed or token:
        request = physiology_service_pb2.ListPhysiologyRequest(page_size=2, page_token=token)
        page = await physiology(max_).ListPhysiology(request)
        listed += [value.value for value in page.values]
        token = page.next_page_token
    assert listed == [55, 54, 53, 52, 51]
