"""Access tokens that are void before their time, known to every process within seconds.

A token is proved by its signature alone, which nobody can take back; so every process keeps a list of what
was revoked, fed by the auth service, and looks at it on every call. Streams that a revoked token opened are
ended too. A token lives for minutes, so the list stays short.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.auth.principal import Principal
from services.chassis.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Revocation:
    """One entry: a session's tokens, or a person's tokens from before a moment.

    Attributes:
        session_id: empty for an entry about a person.
        user_id: empty for an entry about a session.
        issued_before_s: seconds since 1970; with `user_id`.
        forget_at_s: when every token that it could concern has expired.
    """

    session_id: str = ""
    user_id: str = ""
    issued_before_s: float = 0.0
    forget_at_s: float = float("inf")

    def concerns(self, principal: Principal) -> bool:
        """Whether the token of this caller is void by it."""
        if self.session_id:
            return principal.session_id == self.session_id
        return principal.user_id == self.user_id and principal.issued_at_s < self.issued_before_s


class SessionRevoked(Unauthenticated):
    """The token is good, and its session was ended."""

    def __init__(self) -> None:
        super().__init__("the session was ended: sign in again", ErrorReason.ERROR_REASON_SESSION_ENDED)


class TokenTooOld(Unauthenticated):
    """Nothing was heard of revocations for so long that only younger tokens are believed."""

    def __init__(self) -> None:
        super().__init__(
            "the access token must be renewed sooner for the moment",
            ErrorReason.ERROR_REASON_CREDENTIALS_EXPIRED,
        )


class Enrolment:
    """A stream that is told when its caller's session ends.

    Attributes:
        ended: whether it was told.
    """

    __slots__ = ("_end", "_list", "ended", "principal")

    def __init__(self, revocations: RevocationList, principal: Principal, end: Callable[[], object]) -> None:
        self._list = revocations
        self.principal = principal
        self._end = end
        self.ended = False

    def end(self) -> None:
        """The session was ended."""
        self.ended = True
        self._end()

    def leave(self) -> None:
        """The stream is over."""
        self._list.forget_stream(self)


class RevocationList:
    """What was revoked, as far as this process knows.

    A list that nobody feeds (`heard` was never called) believes every token until it expires. One that is
    fed, and then hears nothing for `stale_after_s`, believes only tokens that are younger than that: whoever
    revoked one meanwhile is not ignored for longer, and a caller whose token is refused gets a new one,
    unless the auth service is away altogether.
    """

    def __init__(
        self, *, stale_after_s: float = float("inf"), clock_s: Callable[[], float] = time.time
    ) -> None:
        """
        Args:
            stale_after_s: seconds of silence after which older tokens are refused.
            clock_s: seconds since 1970.
        """
        self._stale_after_s = stale_after_s
        self._clock_s = clock_s
        self._sessions: dict[str, Revocation] = {}
        self._people: dict[str, Revocation] = {}
        self._streams: dict[str, set[Enrolment]] = {}
        self._heard_at_s = float("inf")

    def __len__(self) -> int:
        return len(self._sessions) + len(self._people)

    def require_current(self, principal: Principal) -> None:
        """
        Raises:
            SessionRevoked: the caller's session was ended.
            TokenTooOld: nothing was heard for too long.
        """
        if self._is_revoked(principal):
            raise SessionRevoked
        if principal.session_id and self._clock_s() - self._heard_at_s > self._stale_after_s:
            self._require_young(principal)

    def _is_revoked(self, principal: Principal) -> bool:
        if principal.session_id in self._sessions:
            return bool(principal.session_id)
        about = self._people.get(principal.user_id)
        return about is not None and about.concerns(principal)

    def _require_young(self, principal: Principal) -> None:
        if self._clock_s() - principal.issued_at_s > self._stale_after_s:
            raise TokenTooOld

    def apply(self, *revocations: Revocation) -> None:
        """Believe these from now on, and end the streams that they concern. A repeat changes nothing."""
        for revocation in revocations:
            if revocation.session_id:
                self._sessions[revocation.session_id] = revocation
            else:
                self._remember_person(revocation)
            self._end_streams(revocation)

    def _remember_person(self, revocation: Revocation) -> None:
        known = self._people.get(revocation.user_id)
        if known is None or known.issued_before_s < revocation.issued_before_s:
            self._people[revocation.user_id] = revocation

    def heard(self) -> None:
        """The feed lives: everything that was revoked until now is here."""
        self._heard_at_s = self._clock_s()
        self._forget()

    def _forget(self) -> None:
        now = self._clock_s()
        for entries in (self._sessions, self._people):
            for key in [key for key, entry in entries.items() if entry.forget_at_s <= now]:
                del entries[key]

    def enrol(self, principal: Principal, end: Callable[[], object]) -> Enrolment:
        """Have `end` called, once, when the caller of a stream loses the session; `leave` ends that."""
        enrolment = Enrolment(self, principal, end)
        self._streams.setdefault(principal.user_id, set()).add(enrolment)
        return enrolment

    def forget_stream(self, enrolment: Enrolment) -> None:
        """For `Enrolment.leave`."""
        streams = self._streams.get(enrolment.principal.user_id)
        if streams is not None:
            streams.discard(enrolment)
            if not streams:
                del self._streams[enrolment.principal.user_id]

    def _end_streams(self, revocation: Revocation) -> None:
        concerned = (
            self._streams.get(revocation.user_id, set())
            if revocation.user_id
            else {enrolment for streams in self._streams.values() for enrolment in streams}
        )
        for enrolment in [each for each in concerned if revocation.concerns(each.principal)]:
            self.forget_stream(enrolment)
            enrolment.end()
