"""One's own profile, what others may see of one, and others as they show themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from google.protobuf import field_mask_pb2

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import Sport, as_sport
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
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid

__all__ = ["ASPECTS", "AUDIENCES", "QUANTITIES", "Day", "Profile", "as_rules"]

Day: TypeAlias = date | str
"""A day, or its text: `2026-11-23`."""

ASPECTS: Mapping[str, privacy_pb2.Aspect.ValueType] = {
    name.removeprefix("ASPECT_").lower(): number for name, number in privacy_pb2.Aspect.items() if number
}
"""What others may see or not, by name: `map`, `heart_rate`, …"""

AUDIENCES: Mapping[str, privacy_pb2.Audience.ValueType] = {
    name.removeprefix("AUDIENCE_").lower(): number for name, number in privacy_pb2.Audience.items() if number
}
"""Who may see it, by name: `only_me`, `followers`, …"""

QUANTITIES: Mapping[str, physiology_pb2.Quantity.ValueType] = {
    name.removeprefix("QUANTITY_").lower(): number
    for name, number in physiology_pb2.Quantity.items()
    if number
}
"""What is known of a body, by name: `weight`, `vo2_max`, …"""

_PART_BYTES = 256 * 1024
_SIZES = {
    "small": avatar_service_pb2.AVATAR_SIZE_SMALL,
    "medium": avatar_service_pb2.AVATAR_SIZE_MEDIUM,
    "large": avatar_service_pb2.AVATAR_SIZE_LARGE,
}


class Profile:
    """The profile of the person who is signed in, and those of others."""

    def __init__(self, channel: PolicyChannel) -> None:
        stub = channel.for_stub()
        self._profiles = profile_service_pb2_grpc.ProfileServiceStub(stub)
        self._avatars = avatar_service_pb2_grpc.AvatarServiceStub(stub)
        self._physiology = physiology_service_pb2_grpc.PhysiologyServiceStub(stub)
        self._privacy = privacy_service_pb2_grpc.PrivacyServiceStub(stub)

    async def get(self) -> profile_pb2.Profile:
        """Return one's own profile."""
        return (await self._profiles.GetProfile(profile_service_pb2.GetProfileRequest())).profile

    async def update(self, /, *, etag: str = "", request_id: str = "", **fields: Any) -> profile_pb2.Profile:
        """Change the fields of `profile_pb2.Profile` that are given, and return the profile as it is then.

        `etag` is that of the profile that was edited: `EtagMismatch` where it changed meanwhile.
        """
        request = profile_service_pb2.UpdateProfileRequest(
            profile=profile_pb2.Profile(**fields),
            update_mask=field_mask_pb2.FieldMask(paths=list(fields)),
            etag=etag,
            request_id=request_id or new_ulid(),
        )
        return (await self._profiles.UpdateProfile(request)).profile

    async def check_handle(self, handle: str) -> str:
        """Return whether one could have it now: `available`, `taken`, `reserved`, `malformed`, `yours`."""
        request = profile_service_pb2.CheckHandleRequest(handle=handle)
        state = (await self._profiles.CheckHandle(request)).state
        return profile_service_pb2.CheckHandleResponse.State.Name(state).removeprefix("STATE_").lower()

    async def claim_handle(self, handle: str) -> profile_pb2.Profile:
        """Take a handle. Raises `AlreadyExists` where it is not to be had, `FailedPrecondition` where one's
        own was changed within the last 30 days.
        """
        request = profile_service_pb2.ClaimHandleRequest(handle=handle)
        return (await self._profiles.ClaimHandle(request)).profile

    async def of(self, person: str) -> profile_pb2.PublicProfile:
        """Return what one may see of another, by user id or by `@handle`. Raises `NotFound`."""
        request = (
            profile_service_pb2.GetPublicProfileRequest(handle=person.removeprefix("@"))
            if person.startswith("@")
            else profile_service_pb2.GetPublicProfileRequest(user_id=person)
        )
        return (await self._profiles.GetPublicProfile(request)).profile

    async def upload_avatar(self, picture: Path | bytes) -> str:
        """Make a JPEG, PNG or WebP file one's picture; return the picture's id.

        Raises `InvalidArgument` with the reason IMAGE_INVALID where it is none, broken, or too large.
        """
        content = picture if isinstance(picture, bytes) else await asyncio.to_thread(picture.read_bytes)

        async def parts() -> AsyncIterator[avatar_service_pb2.UploadAvatarRequest]:
            for start in range(0, len(content), _PART_BYTES):
                yield avatar_service_pb2.UploadAvatarRequest(chunk=content[start : start + _PART_BYTES])

        return (await self._avatars.UploadAvatar(parts())).avatar_id

    async def delete_avatar(self) -> bool:
        """Forget one's picture; False where there was none."""
        return (await self._avatars.DeleteAvatar(avatar_service_pb2.DeleteAvatarRequest())).deleted

    async def avatar(self, user_id: str, size: str = "medium") -> bytes:
        """Return a person's picture as WebP: `small`, `medium` or `large`. Raises `NotFound`."""
        request = avatar_service_pb2.GetAvatarRequest(user_id=user_id, size=_SIZES[size])
        return (await self._avatars.GetAvatar(request)).content

    async def physiology(
        self, day: Day | None = None, *, sport: Sport | None = None
    ) -> Sequence[physiology_pb2.PhysiologyValue]:
        """Return what holds on a day (None: today) for a sport."""
        request = physiology_service_pb2.GetPhysiologyRequest(day=_text(day), sport=_sport(sport))
        return (await self._physiology.GetPhysiology(request)).values

    async def physiology_history(
        self, quantities: Iterable[str] = (), *, limit: int | None = None
    ) -> AsyncGenerator[physiology_pb2.PhysiologyValue, None]:
        """Give all that was told (of these `QUANTITIES`), the latest day first."""
        wanted = [QUANTITIES[name] for name in quantities]

        async def fetch(token: str) -> tuple[Sequence[physiology_pb2.PhysiologyValue], str]:
            request = physiology_service_pb2.ListPhysiologyRequest(quantities=wanted, page_token=token)
            page = await self._physiology.ListPhysiology(request)
            return page.values, page.next_page_token

        async for value in pages(fetch, limit):
            yield value

    async def set_physiology(
        self, values: Mapping[str, float], *, effective_from: Day | None = None, sport: Sport | None = None
    ) -> Sequence[physiology_pb2.PhysiologyValue]:
        """Say what holds from a day on (None: since ever), by the names of `QUANTITIES`."""
        request = physiology_service_pb2.SetPhysiologyRequest(
            values=[
                physiology_pb2.PhysiologyValue(
                    quantity=QUANTITIES[name],
                    value=value,
                    effective_from=_text(effective_from),
                    sport=_sport(sport),
                )
                for name, value in values.items()
            ]
        )
        return (await self._physiology.SetPhysiology(request)).values

    async def delete_physiology(
        self, quantity: str, effective_from: Day | None = None, *, sport: Sport | None = None
    ) -> bool:
        """Take back what was said of a day (None: since ever); False where nothing was."""
        request = physiology_service_pb2.DeletePhysiologyRequest(
            quantity=QUANTITIES[quantity], effective_from=_text(effective_from), sport=_sport(sport)
        )
        return (await self._physiology.DeletePhysiology(request)).deleted

    async def privacy(self) -> privacy_pb2.PrivacySettings:
        """Return who may see what: one rule for each of `ASPECTS`."""
        request = privacy_service_pb2.GetPrivacySettingsRequest()
        return (await self._privacy.GetPrivacySettings(request)).settings

    async def set_privacy(self, audiences: Mapping[str, str]) -> privacy_pb2.PrivacySettings:
        """Say who may see what: from names of `ASPECTS` to names of `AUDIENCES`. The others stay."""
        request = privacy_service_pb2.UpdatePrivacySettingsRequest(rules=as_rules(audiences))
        return (await self._privacy.UpdatePrivacySettings(request)).settings

    async def zones(self) -> Sequence[privacy_service_pb2.PrivacyZone]:
        """Return one's privacy zones."""
        return (await self._privacy.ListPrivacyZones(privacy_service_pb2.ListPrivacyZonesRequest())).zones

    async def create_zone(
        self,
        latitude_deg: float,
        longitude_deg: float,
        *,
        radius_m: float = 200,
        name: str = "",
        request_id: str = "",
    ) -> privacy_service_pb2.PrivacyZone:
        """Make a privacy zone. What is cut out for others is larger, and hides where its centre is."""
        zone = privacy_service_pb2.PrivacyZone(
            latitude_deg=latitude_deg, longitude_deg=longitude_deg, radius_m=radius_m, name=name
        )
        request = privacy_service_pb2.CreatePrivacyZoneRequest(zone=zone, request_id=request_id or new_ulid())
        return (await self._privacy.CreatePrivacyZone(request)).zone

    async def delete_zone(self, zone_id: str) -> bool:
        """Forget a privacy zone; False where there was none."""
        request = privacy_service_pb2.DeletePrivacyZoneRequest(zone_id=zone_id)
        return (await self._privacy.DeletePrivacyZone(request)).deleted


def as_rules(audiences: Mapping[str, str]) -> list[privacy_pb2.AspectRule]:
    """Return rules, from names of `ASPECTS` to names of `AUDIENCES`. Raises `ValueError` for others."""
    unknown = [*(set(audiences) - set(ASPECTS)), *(set(audiences.values()) - set(AUDIENCES))]
    if unknown:
        raise ValueError(f"{unknown[0]}: there are {', '.join(ASPECTS)} for {', '.join(AUDIENCES)}")
    return [
        privacy_pb2.AspectRule(aspect=ASPECTS[aspect], audience=AUDIENCES[audience])
        for aspect, audience in audiences.items()
    ]


def _text(day: Day | None) -> str:
    return "" if day is None else str(day)


def _sport(sport: Sport | None) -> sport_pb2.Sport.ValueType:
    return sport_pb2.SPORT_UNSPECIFIED if sport is None else as_sport(sport)
