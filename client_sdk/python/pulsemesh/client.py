"""One object for the whole platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import grpc.aio

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.calls.retry import RetrySettings
from pulsemesh.credentials import Anonymous, Credentials, SessionCredentials, TokenSource, as_credentials
from pulsemesh.parts.account import Account
from pulsemesh.parts.analysis import Analyses
from pulsemesh.parts.apps import Apps
from pulsemesh.parts.athletes import Athletes
from pulsemesh.parts.comparison import Comparison
from pulsemesh.parts.consent import Consents
from pulsemesh.parts.devices import Devices
from pulsemesh.parts.duplicates import Duplicates
from pulsemesh.parts.exports import Exports
from pulsemesh.parts.federation import Providers
from pulsemesh.parts.files import Files
from pulsemesh.parts.gear import Gear
from pulsemesh.parts.ingest import Ingest
from pulsemesh.parts.passkeys import Passkeys
from pulsemesh.parts.profile import Profile
from pulsemesh.parts.recordings import Recordings
from pulsemesh.parts.revisions import Revisions
from pulsemesh.parts.rights import Rights
from pulsemesh.parts.second_factors import SecondFactors
from pulsemesh.parts.segments import Segments
from pulsemesh.parts.sessions import Sessions
from pulsemesh.parts.shared_workouts import SharedWorkouts
from pulsemesh.parts.tokens import Tokens
from pulsemesh.parts.workouts import Workouts
from pulsemesh.target import Tls, open_channel

__all__ = ["Client", "connect"]

Stub = TypeVar("Stub")


class Client:
    """A connection to a platform, with one part per service.

    Use it with `async with`, or `close` it. It belongs to the event loop it was made in.
    """

    def __init__(  # noqa: PLR0915 - a part per service
        self,
        channel: grpc.aio.Channel,
        credentials: Credentials,
        *,
        retry: RetrySettings | None = None,
        validate: bool = True,
    ) -> None:
        self._grpc = channel
        self._channel = PolicyChannel(channel, credentials, retry=retry, validate=validate)
        anonymous = PolicyChannel(channel, Anonymous(), retry=retry, validate=validate)
        self.account = Account(self._channel, anonymous)
        """One's account: signing up and in, password, address, deletion."""
        self.apps = Apps(self._channel)
        """What other programs may do, and programs of one's own."""
        self.devices = Devices(self._channel, anonymous)
        """Devices without a browser, let in by a code that they show."""
        self.second_factors = SecondFactors(self._channel, anonymous)
        """Codes of an app and recovery codes, beside the password."""
        self.passkeys = Passkeys(self._channel, anonymous)
        """Passkeys, for programs that can ask a device for them."""
        self.providers = Providers(self._channel, anonymous)
        """Signing in with outside providers, and one's accounts there."""
        self.sessions = Sessions(self._channel, anonymous)
        """Where one is signed in."""
        if isinstance(credentials, SessionCredentials):
            credentials.bind(self.sessions.refresh)
        self.workouts = Workouts(self._channel)
        """Finished workouts: history, editing, deletion, streams."""
        self.profile = Profile(self._channel)
        """Who one is to others, what they may see, and others as they show themselves."""
        self.shared = SharedWorkouts(self._channel)
        """Workouts of other people, as they show them."""
        self.recordings = Recordings(self._channel)
        """Recordings in progress: looking at them, watching them live, ending them."""
        self.analysis = Analyses(self._channel)
        """What was computed of single workouts."""
        self.athlete = Athletes(self._channel)
        """One's own numbers: thresholds, fitness, totals, records, power."""
        self.files = Files(self._channel)
        """Original device files."""
        self.comparison = Comparison(self._channel)
        """Workouts beside each other, matched routes, standings."""
        self.segments = Segments(self._channel)
        """Segments, and the efforts on them."""
        self.gear = Gear(self._channel)
        """What one trains with, how much, and when it is worn."""
        self.exports = Exports(self._channel)
        """Workouts as files, and everything as one archive."""
        self.revisions = Revisions(self._channel)
        """Changing what was recorded, reversibly: corrections, splits, merges."""
        self.consent = Consents(self._channel)
        self.rights = Rights(self._channel)
        """What one allows, and the receipts of it."""
        self.duplicates = Duplicates(self._channel)
        """Workouts that may be one."""
        self.ingest = Ingest(self._channel)
        """Sending samples as they are measured."""
        self.auth = Tokens(self._channel)
        """Access tokens from the development issuer."""

    def stub(self, make: Callable[[grpc.aio.Channel], Stub]) -> Stub:
        """Return a generated stub whose calls keep their contract's policy.

        For methods that no part covers: `client.stub(WorkoutServiceStub)`. Awaiting a call gives
        the answer, iterating over it the answers; errors are `pulsemesh.errors`.
        """
        return make(self._channel.for_stub())

    async def close(self) -> None:
        """End all calls and close the connection. A repeat changes nothing."""
        await self._grpc.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def connect(
    target: str,
    credentials: Credentials | str | Path | TokenSource | None = None,
    *,
    tls: bool | Tls | None = None,
    retry: RetrySettings | None = None,
    validate: bool = True,
) -> Client:
    """Return a client for the platform at `target`; it connects with its first call.

    `target` is `host`, `host:port` or a URL. `credentials` is a token, a `Path` to a file that
    holds one, a function (plain or async) that gets one, or a `Credentials` object. Without
    `tls` the way is encrypted unless it stays on this machine. With the extra `validation`
    requests are checked before they travel, unless `validate` is False.

    Raises `RuntimeError` outside of a running event loop, to which the connection belongs.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(
            "pulsemesh.connect needs a running event loop: call it in an async function, "
            "or use pulsemesh.sync.connect"
        ) from None
    return Client(open_channel(target, tls), as_credentials(credentials), retry=retry, validate=validate)
