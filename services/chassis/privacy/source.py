"""Where a domain learns what a person chose: the profile service, remembered until it says that it changed.

Fails closed: what cannot be known now is as if the person showed nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import grpc
import structlog

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import events_pb2, privacy_pb2
from pulsemesh.profile.v1 import privacy_service_pb2 as wire
from pulsemesh.profile.v1.privacy_service_pb2_grpc import PrivacyServiceStub
from services.chassis.cache import Cache
from services.chassis.database import Transaction

CHANGED = events_pb2.PrivacyChanged.DESCRIPTOR.full_name
"""The event after which settings are read anew."""

KEPT_S = 60.0
"""How stale settings can be at worst, where the event of their change is lost."""

_log = structlog.get_logger(__name__)


class PrivacySource(Protocol):
    """Knows what people chose."""

    async def settings(self, user_id: str) -> privacy_pb2.PrivacySettings | None:
        """What this person chose; None where that cannot be known now."""
        ...


class ServicePrivacy:
    """Asks the profile service, and remembers."""

    def __init__(self, channel: Callable[[], grpc.aio.Channel], cache: Cache) -> None:
        """
        Args:
            channel: gives the channel to the profile service; asked when it is first needed.
        """
        self._channel = channel
        self._cache = cache

    async def settings(self, user_id: str) -> privacy_pb2.PrivacySettings | None:
        """See `PrivacySource.settings`."""
        kept = await self._cache.get(_key(user_id))
        floor = await self._floor(user_id)
        if kept is not None:
            settings = privacy_pb2.PrivacySettings.FromString(kept)
            if settings.version >= floor:
                return settings
        return await self._ask(user_id, floor)

    async def _ask(self, user_id: str, floor: int) -> privacy_pb2.PrivacySettings | None:
        try:
            stub = PrivacyServiceStub(self._channel())
            response = await stub.GetPrivacy(wire.GetPrivacyRequest(user_id=user_id))
        except Exception as error:  # whatever it is, what cannot be known is not shown
            _log.warning("privacy_unknown", error=type(error).__name__)
            return None
        if response.settings.version < floor:  # an answer from before the change that we know of
            return None
        await self._cache.set(_key(user_id), response.settings.SerializeToString(), KEPT_S)
        return response.settings

    async def _floor(self, user_id: str) -> int:
        kept = await self._cache.get(_floor_key(user_id))
        return int.from_bytes(kept, "big") if kept else 0

    async def forget(self, transaction: Transaction, envelope: Envelope) -> None:
        """The handler of `CHANGED`: forget what is remembered, and believe nothing older any more."""
        event = events_pb2.PrivacyChanged.FromString(envelope.payload)
        floor = max(event.version, await self._floor(event.user_id))
        await self._cache.set(_floor_key(event.user_id), floor.to_bytes(8, "big"), 10 * KEPT_S)
        await self._cache.delete(_key(event.user_id))


def _key(user_id: str) -> str:
    return f"privacy/{user_id}"


def _floor_key(user_id: str) -> str:
    return f"privacy-floor/{user_id}"
