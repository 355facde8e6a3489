"""The same client without async: for scripts, notebooks and programs that have no event loop.

`connect` starts one thread with an event loop; every call runs there, on the one async
core, while the calling thread waits. Any thread may call. Callbacks such as `progress`
run on the loop's thread and must not call the client.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from pulsemesh import client as async_client
from pulsemesh.calls.retry import RetrySettings
from pulsemesh.credentials import Credentials, TokenSource
from pulsemesh.parts import (
    account,
    analysis,
    apps,
    athletes,
    comparison,
    consent,
    devices,
    duplicates,
    exports,
    federation,
    files,
    gear,
    ingest,
    passkeys,
    profile,
    recordings,
    revisions,
    rights,
    second_factors,
    segments,
    sessions,
    shared_workouts,
    tokens,
    workouts,
)
from pulsemesh.parts.times import Sport, SubSport
from pulsemesh.target import Tls

__all__ = ["Client", "LoopThread", "connect"]

Part = TypeVar("Part")
Result = TypeVar("Result")
Item = TypeVar("Item")
P = ParamSpec("P")


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="pulsemesh", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine on the loop and return what it returns.

        Interrupting the waiting thread cancels the coroutine. Raises `RuntimeError` on the
        loop's own thread, where waiting would never end.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("the sync client was called from one of its own callbacks")
        if not self._thread.is_alive():
            coroutine.close()
            raise RuntimeError("the client is closed")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, generator: AsyncGenerator[Item, None]) -> Iterator[Item]:
        """Give the items of an async generator; leaving early closes it."""
        try:
            while True:
                try:
                    yield self.run(anext(generator))
                except StopAsyncIteration:
                    return
        finally:
            with suppress(RuntimeError):  # the loop may have ended before the iterator
                self.run(generator.aclose())

    def stop(self) -> None:
        """End the loop and its thread. A repeat changes nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


class _Part(Generic[Part]):
    """One part of the async client, seen from outside its loop."""

    def __init__(self, part: Part, loop: LoopThread) -> None:
        self._part = part
        self._loop = loop


def _blocking(
    method: Callable[Concatenate[Part, P], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[_Part[Part], P], Result]:
    """Return `method` of an async part as a method that waits for its result."""

    @functools.wraps(method)
    def call(self: _Part[Part], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self._loop.run(method(self._part, *args, **kwargs))

    return call


def _iterating(
    method: Callable[Concatenate[Part, P], AsyncGenerator[Item, None]],
) -> Callable[Concatenate[_Part[Part], P], Iterator[Item]]:
    """Return `method` of an async part, an async generator, as a plain generator."""

    @functools.wraps(method)
    def call(self: _Part[Part], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[Item]:
        return self._loop.iterate(method(self._part, *args, **kwargs))

    return call


class Workouts(_Part[workouts.Workouts]):
    """`pulsemesh.parts.workouts.Workouts` without async."""

    get = _blocking(workouts.Workouts.get)
    list = _iterating(workouts.Workouts.list)
    update = _blocking(workouts.Workouts.update)
    delete = _blocking(workouts.Workouts.delete)
    streams = _blocking(workouts.Workouts.streams)


class Analyses(_Part[analysis.Analyses]):
    """`pulsemesh.parts.analysis.Analyses` without async."""

    get = _blocking(analysis.Analyses.get)
    curve = _blocking(analysis.Analyses.curve)


class Athletes(_Part[athletes.Athletes]):
    """`pulsemesh.parts.athletes.Athletes` without async."""

    settings = _blocking(athletes.Athletes.settings)
    update_settings = _blocking(athletes.Athletes.update_settings)
    set_thresholds = _blocking(athletes.Athletes.set_thresholds)
    delete_thresholds = _blocking(athletes.Athletes.delete_thresholds)
    thresholds = _blocking(athletes.Athletes.thresholds)
    threshold_history = _iterating(athletes.Athletes.threshold_history)
    suggestions = _blocking(athletes.Athletes.suggestions)
    recompute = _blocking(athletes.Athletes.recompute)
    recomputation = _blocking(athletes.Athletes.recomputation)
    watch = _iterating(athletes.Athletes.watch)
    fitness = _blocking(athletes.Athletes.fitness)
    totals = _iterating(athletes.Athletes.totals)
    records = _iterating(athletes.Athletes.records)
    power_duration = _blocking(athletes.Athletes.power_duration)
    vo2max = _blocking(athletes.Athletes.vo2max)


class Recordings(_Part[recordings.Recordings]):
    """`pulsemesh.parts.recordings.Recordings` without async."""

    get = _blocking(recordings.Recordings.get)
    list = _iterating(recordings.Recordings.list)
    watch = _iterating(recordings.Recordings.watch)
    close = _blocking(recordings.Recordings.close)
    discard = _blocking(recordings.Recordings.discard)


class Files(_Part[files.Files]):
    """`pulsemesh.parts.files.Files` without async."""

    find = _blocking(files.Files.find)
    upload = _blocking(files.Files.upload)
    read = _blocking(files.Files.read)
    download = _blocking(files.Files.download)


class Gear(_Part[gear.Gear]):
    """`pulsemesh.parts.gear.Gear` without async."""

    add = _blocking(gear.Gear.add)
    get = _blocking(gear.Gear.get)
    list = _iterating(gear.Gear.list)
    update = _blocking(gear.Gear.update)
    retire = _blocking(gear.Gear.retire)
    restore = _blocking(gear.Gear.restore)
    delete = _blocking(gear.Gear.delete)
    component_types = _blocking(gear.Gear.component_types)
    install = _blocking(gear.Gear.install)
    remove = _blocking(gear.Gear.remove)
    correct = _blocking(gear.Gear.correct)
    delete_installation = _blocking(gear.Gear.delete_installation)
    installations = _iterating(gear.Gear.installations)
    add_service = _blocking(gear.Gear.add_service)
    services = _iterating(gear.Gear.services)
    delete_service = _blocking(gear.Gear.delete_service)
    set_target = _blocking(gear.Gear.set_target)
    delete_target = _blocking(gear.Gear.delete_target)
    alerts = _blocking(gear.Gear.alerts)
    assign = _blocking(gear.Gear.assign)
    assign_by_rules = _blocking(gear.Gear.assign_by_rules)
    of_workout = _blocking(gear.Gear.of_workout)
    workouts = _iterating(gear.Gear.workouts)
    set_rule = _blocking(gear.Gear.set_rule)
    rules = _blocking(gear.Gear.rules)
    seen = _blocking(gear.Gear.seen)
    recompute = _blocking(gear.Gear.recompute)


class Exports(_Part[exports.Exports]):
    """`pulsemesh.parts.exports.Exports` without async."""

    workout = _iterating(exports.Exports.workout)
    read = _blocking(exports.Exports.read)
    save = _blocking(exports.Exports.save)
    archive = _blocking(exports.Exports.archive)


class Comparison(_Part[comparison.Comparison]):
    """`pulsemesh.parts.comparison.Comparison` without async."""

    compare = _blocking(comparison.Comparison.compare)
    matched = _blocking(comparison.Comparison.matched)
    on_route = _iterating(comparison.Comparison.on_route)
    route_standing = _blocking(comparison.Comparison.route_standing)
    segment_standing = _blocking(comparison.Comparison.segment_standing)
    mean_maximal_standing = _blocking(comparison.Comparison.mean_maximal_standing)
    distance_standing = _blocking(comparison.Comparison.distance_standing)


class Segments(_Part[segments.Segments]):
    """`pulsemesh.parts.segments.Segments` without async."""

    create = _blocking(segments.Segments.create)
    get = _blocking(segments.Segments.get)
    list = _iterating(segments.Segments.list)
    update = _blocking(segments.Segments.update)
    delete = _blocking(segments.Segments.delete)
    efforts = _iterating(segments.Segments.efforts)
    of_workout = _blocking(segments.Segments.of_workout)


class Revisions(_Part[revisions.Revisions]):
    """`pulsemesh.parts.revisions.Revisions` without async."""

    get = _blocking(revisions.Revisions.get)
    revise = _blocking(revisions.Revisions.revise)
    revert = _blocking(revisions.Revisions.revert)
    split = _blocking(revisions.Revisions.split)
    merge = _blocking(revisions.Revisions.merge)
    undo = _blocking(revisions.Revisions.undo)
    delete_derivation = _blocking(revisions.Revisions.delete_derivation)
    derivations = _iterating(revisions.Revisions.derivations)


class Rights(_Part[rights.Rights]):
    """`pulsemesh.parts.rights.Rights` without async."""

    request_export = _blocking(rights.Rights.request_export)
    request_erasure = _blocking(rights.Rights.request_erasure)
    cancel = _blocking(rights.Rights.cancel)
    requests = _iterating(rights.Rights.requests)
    report = _blocking(rights.Rights.report)
    save_export = _blocking(rights.Rights.save_export)
    restricted_since = _blocking(rights.Rights.restricted_since)
    restrict = _blocking(rights.Rights.restrict)


class Consents(_Part[consent.Consents]):
    """`pulsemesh.parts.consent.Consents` without async."""

    purposes = _blocking(consent.Consents.purposes)
    get = _blocking(consent.Consents.get)
    grant = _blocking(consent.Consents.grant)
    withdraw = _blocking(consent.Consents.withdraw)
    set_jurisdiction = _blocking(consent.Consents.set_jurisdiction)
    receipts = _iterating(consent.Consents.receipts)
    export_receipts = _iterating(consent.Consents.export_receipts)
    verify_receipts = _blocking(consent.Consents.verify_receipts)


class Duplicates(_Part[duplicates.Duplicates]):
    """`pulsemesh.parts.duplicates.Duplicates` without async."""

    list = _iterating(duplicates.Duplicates.list)
    keep_both = _blocking(duplicates.Duplicates.keep_both)
    keep_one = _blocking(duplicates.Duplicates.keep_one)
    merge = _blocking(duplicates.Duplicates.merge)
    reopen = _blocking(duplicates.Duplicates.reopen)


class Tokens(_Part[tokens.Tokens]):
    """`pulsemesh.parts.tokens.Tokens` without async."""

    create_token = _blocking(tokens.Tokens.create_token)


class LiveRecording(_Part[ingest.LiveRecording]):
    """`pulsemesh.parts.ingest.LiveRecording` without async: `with client.ingest.record(…) as recording`."""

    def add(self, time: datetime | int | None = None, **values: float | None) -> None:
        """Add one sample, as `pulsemesh.parts.ingest.LiveRecording.add` does."""
        self._loop.run(self._part.add(time, **values))

    def flush(self) -> None:
        """Return when the platform has committed every sample added so far."""
        self._loop.run(self._part.flush())

    @property
    def recording_id(self) -> str:
        """The recording."""
        return self._part.recording_id

    @property
    def workout_id(self) -> str:
        """The workout, once the block is left; empty while other writers owe samples."""
        return self._part.workout_id

    @property
    def unacknowledged(self) -> int:
        """Samples that the platform has not committed yet."""
        return self._part.unacknowledged

    def __enter__(self) -> Self:
        self._loop.run(self._part.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.run(self._part.__aexit__(kind, error, trace))


class Ingest(_Part[ingest.Ingest]):
    """`pulsemesh.parts.ingest.Ingest` without async.

    Sessions over a `Feed` of one's own need an event loop, so only `record` and `append`
    are here.
    """

    append = _blocking(ingest.Ingest.append)

    def record(
        self,
        sport: Sport,
        channels: Iterable[str],
        *,
        title: str = "",
        sub_sport: SubSport = "unspecified",
        start: datetime | int | None = None,
        recording_id: str = "",
        capacity: int = 100_000,
        max_attempts: int | None = None,
    ) -> LiveRecording:
        """Return a recording of one source to use with `with` and to `add` samples to."""

        async def make() -> ingest.LiveRecording:
            return self._part.record(
                sport,
                channels,
                title=title,
                sub_sport=sub_sport,
                start=start,
                recording_id=recording_id,
                capacity=capacity,
                max_attempts=max_attempts,
            )

        return LiveRecording(self._loop.run(make()), self._loop)


class Account(_Part[account.Account]):
    """`pulsemesh.parts.account.Account` without async."""

    sign_up = _blocking(account.Account.sign_up)
    resend = _blocking(account.Account.resend)
    verify = _blocking(account.Account.verify)
    verify_link = _blocking(account.Account.verify_link)
    sign_in = _blocking(account.Account.sign_in)
    request_password_reset = _blocking(account.Account.request_password_reset)
    reset_password = _blocking(account.Account.reset_password)
    get = _blocking(account.Account.get)
    set_language = _blocking(account.Account.set_language)
    change_password = _blocking(account.Account.change_password)
    change_email = _blocking(account.Account.change_email)
    confirm_email = _blocking(account.Account.confirm_email)
    request_deletion = _blocking(account.Account.request_deletion)


class Apps(_Part[apps.Apps]):
    """`pulsemesh.parts.apps.Apps` without async."""

    authorised = _blocking(apps.Apps.authorised)
    withdraw = _blocking(apps.Apps.withdraw)
    registered = _blocking(apps.Apps.registered)
    register = _blocking(apps.Apps.register)
    rotate_secret = _blocking(apps.Apps.rotate_secret)
    delete = _blocking(apps.Apps.delete)


class Devices(_Part[devices.Devices]):
    """`pulsemesh.parts.devices.Devices` without async."""

    authorization_server = _blocking(devices.Devices.authorization_server)
    pending = _blocking(devices.Devices.pending)
    approve = _blocking(devices.Devices.approve)
    deny = _blocking(devices.Devices.deny)


class SecondFactors(_Part[second_factors.SecondFactors]):
    """`pulsemesh.parts.second_factors.SecondFactors` without async."""

    complete = _blocking(second_factors.SecondFactors.complete)
    get = _blocking(second_factors.SecondFactors.get)
    begin_totp = _blocking(second_factors.SecondFactors.begin_totp)
    confirm_totp = _blocking(second_factors.SecondFactors.confirm_totp)
    disable_totp = _blocking(second_factors.SecondFactors.disable_totp)
    require_passkey = _blocking(second_factors.SecondFactors.require_passkey)
    regenerate_recovery_codes = _blocking(second_factors.SecondFactors.regenerate_recovery_codes)


class Passkeys(_Part[passkeys.Passkeys]):
    """`pulsemesh.parts.passkeys.Passkeys` without async."""

    begin_registration = _blocking(passkeys.Passkeys.begin_registration)
    finish_registration = _blocking(passkeys.Passkeys.finish_registration)
    list = _blocking(passkeys.Passkeys.list)
    rename = _blocking(passkeys.Passkeys.rename)
    delete = _blocking(passkeys.Passkeys.delete)
    begin_sign_in = _blocking(passkeys.Passkeys.begin_sign_in)
    finish_sign_in = _blocking(passkeys.Passkeys.finish_sign_in)


class Providers(_Part[federation.Providers]):
    """`pulsemesh.parts.federation.Providers` without async."""

    list = _blocking(federation.Providers.list)
    start_sign_in = _blocking(federation.Providers.start_sign_in)
    finish_sign_in = _blocking(federation.Providers.finish_sign_in)
    sign_up = _blocking(federation.Providers.sign_up)
    links = _blocking(federation.Providers.links)
    start_link = _blocking(federation.Providers.start_link)
    link = _blocking(federation.Providers.link)
    unlink = _blocking(federation.Providers.unlink)


class Sessions(_Part[sessions.Sessions]):
    """`pulsemesh.parts.sessions.Sessions` without async."""

    list = _blocking(sessions.Sessions.list)
    end = _blocking(sessions.Sessions.end)
    end_all = _blocking(sessions.Sessions.end_all)
    refresh = _blocking(sessions.Sessions.refresh)
    sign_out = _blocking(sessions.Sessions.sign_out)


class Profile(_Part[profile.Profile]):
    """`pulsemesh.parts.profile.Profile` without async."""

    get = _blocking(profile.Profile.get)
    update = _blocking(profile.Profile.update)
    check_handle = _blocking(profile.Profile.check_handle)
    claim_handle = _blocking(profile.Profile.claim_handle)
    of = _blocking(profile.Profile.of)
    upload_avatar = _blocking(profile.Profile.upload_avatar)
    delete_avatar = _blocking(profile.Profile.delete_avatar)
    avatar = _blocking(profile.Profile.avatar)
    physiology = _blocking(profile.Profile.physiology)
    physiology_history = _iterating(profile.Profile.physiology_history)
    set_physiology = _blocking(profile.Profile.set_physiology)
    delete_physiology = _blocking(profile.Profile.delete_physiology)
    privacy = _blocking(profile.Profile.privacy)
    set_privacy = _blocking(profile.Profile.set_privacy)
    zones = _blocking(profile.Profile.zones)
    create_zone = _blocking(profile.Profile.create_zone)
    delete_zone = _blocking(profile.Profile.delete_zone)


class SharedWorkouts(_Part[shared_workouts.SharedWorkouts]):
    """`pulsemesh.parts.shared_workouts.SharedWorkouts` without async."""

    get = _blocking(shared_workouts.SharedWorkouts.get)
    list = _iterating(shared_workouts.SharedWorkouts.list)
    analysis = _blocking(shared_workouts.SharedWorkouts.analysis)
    streams = _blocking(shared_workouts.SharedWorkouts.streams)
    gpx = _blocking(shared_workouts.SharedWorkouts.gpx)
    recordings = _blocking(shared_workouts.SharedWorkouts.recordings)
    watch = _iterating(shared_workouts.SharedWorkouts.watch)
    privacy_of = _blocking(shared_workouts.SharedWorkouts.privacy_of)
    set_privacy_of = _blocking(shared_workouts.SharedWorkouts.set_privacy_of)


class Client:
    """A connection to a platform, with one part per service. Use it with `with`, or `close` it."""

    def __init__(self, inner: async_client.Client, loop: LoopThread, *, owns_loop: bool = True) -> None:
        self._inner = inner
        self._loop = loop
        self._owns_loop = owns_loop
        self._closed = False
        self.workouts = Workouts(inner.workouts, loop)
        self.recordings = Recordings(inner.recordings, loop)
        self.analysis = Analyses(inner.analysis, loop)
        self.athlete = Athletes(inner.athlete, loop)
        self.files = Files(inner.files, loop)
        self.exports = Exports(inner.exports, loop)
        self.comparison = Comparison(inner.comparison, loop)
        self.segments = Segments(inner.segments, loop)
        self.gear = Gear(inner.gear, loop)
        self.profile = Profile(inner.profile, loop)
        self.shared = SharedWorkouts(inner.shared, loop)
        self.revisions = Revisions(inner.revisions, loop)
        self.consent = Consents(inner.consent, loop)
        self.rights = Rights(inner.rights, loop)
        self.duplicates = Duplicates(inner.duplicates, loop)
        self.ingest = Ingest(inner.ingest, loop)
        self.auth = Tokens(inner.auth, loop)
        self.account = Account(inner.account, loop)
        self.apps = Apps(inner.apps, loop)
        self.devices = Devices(inner.devices, loop)
        self.second_factors = SecondFactors(inner.second_factors, loop)
        self.passkeys = Passkeys(inner.passkeys, loop)
        self.providers = Providers(inner.providers, loop)
        self.sessions = Sessions(inner.sessions, loop)

    def close(self) -> None:
        """End all calls, close the connection and end its thread. A repeat changes nothing."""
        if self._closed:
            return
        self._closed = True
        self._loop.run(self._inner.close())
        if self._owns_loop:
            self._loop.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(
    target: str,
    credentials: Credentials | str | Path | TokenSource | None = None,
    *,
    tls: bool | Tls | None = None,
    retry: RetrySettings | None = None,
    validate: bool = True,
) -> Client:
    """Return a client for the platform at `target`; everything is as in `pulsemesh.connect`."""
    loop = LoopThread()

    async def make() -> async_client.Client:
        return async_client.connect(target, credentials, tls=tls, retry=retry, validate=validate)

    try:
        return Client(loop.run(make()), loop)
    except BaseException:
        loop.stop()
        raise
