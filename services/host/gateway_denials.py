"""Which tokens are void before their time, for the gateway: it shuts them out before the services do."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import grpc
import structlog

from services.chassis.auth import Revocation, RevocationList
from services.chassis.background import Supervisor
from services.chassis.errors import Unavailable
from services.host.identity import CertifiedServiceToken
from services.host.revocations import RevocationFollower

MOST_SESSIONS = 5_000
MOST_PEOPLE = 1_000
MOST_MOMENTS = 200
"""What the gateway is told of at most, the latest; the services know all. Each moment is a route that every
call is held against, which takes 0.4 µs."""
LOOK_FOR_TOKEN_EVERY_S = 0.2

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Denials:
    """What the gateway is told.

    Attributes:
        sessions: ids of those that were ended.
        people: user ids, each with the second since 1970 before which a token must not be issued.
    """

    sessions: tuple[str, ...] = ()
    people: Mapping[str, int] = field(default_factory=dict)


class RevokedAtTheDoor(RevocationList):
    """What the auth service says of revoked tokens, and that something of it changed.

    Attributes:
        changed: set when there is something to tell the gateway.
        told: what the gateway is told; as `settle` left it, so that another thread may read it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()
        self.told = Denials()
        self._some_untold = False

    def apply(self, *revocations: Revocation) -> None:
        """See `RevocationList.apply`."""
        before = (set(self._sessions), dict(self._people))
        super().apply(*revocations)
        if (set(self._sessions), self._people) != before:
            self.changed.set()

    def settle(self) -> Denials:
        """Forget what concerns no token any more, and choose what to tell."""
        self._forget()
        self.told = Denials(tuple(self._sessions)[-MOST_SESSIONS:], self._latest_people())
        untold = len(self) - len(self.told.sessions) - len(self.told.people)
        if bool(untold) != self._some_untold:
            self._some_untold = bool(untold)
            _log.warning("older_revocations_are_left_to_the_services", count=untold)
        return self.told

    def _latest_people(self) -> dict[str, int]:
        """People with their moments. Tokens name whole seconds: before 7.5 is before 8."""
        moments = {entry.user_id: math.ceil(entry.issued_before_s) for entry in self._people.values()}
        earliest = min(sorted(set(moments.values()))[-MOST_MOMENTS:], default=0)
        latest = sorted(moments, key=lambda user_id: moments[user_id])[-MOST_PEOPLE:]
        return {user_id: moments[user_id] for user_id in latest if moments[user_id] >= earliest}


@dataclass(frozen=True, slots=True)
class RevocationSource:
    """Where a gateway hears what was revoked.

    Attributes:
        auth: on which the auth service is asked.
        identity: that of this process, if the token for it must be fetched and renewed.
    """

    auth: grpc.aio.Channel
    identity: CertifiedServiceToken | None = None


async def _follow(follower: RevocationFollower, identity: CertifiedServiceToken | None) -> None:
    """Follow, as soon as this process has the token for it."""
    while identity is not None:
        try:
            identity.token()
            break
        except Unavailable:
            await asyncio.sleep(LOOK_FOR_TOKEN_EVERY_S)
    await follower.run()


@contextlib.asynccontextmanager
async def following(denied: RevokedAtTheDoor, source: RevocationSource | None) -> AsyncIterator[None]:
    """Keep the list up to date until the block ends; None leaves what was revoked to the services."""
    if source is None:
        _log.warning("revoked_tokens_are_left_to_the_services", reason="no service would tell this gateway")
        yield
        return
    background = Supervisor()
    follower = RevocationFollower(source.auth, denied)
    if source.identity is not None:
        background.start(source.identity.name, source.identity.run)
    background.start(follower.name, lambda: _follow(follower, source.identity))
    try:
        yield
    finally:
        await background.stop()
