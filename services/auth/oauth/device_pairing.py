"""Devices without a browser: they show a code, a person confirms it elsewhere (RFC 8628)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import Connection

from services.auth import sessions, throttling
from services.auth.oauth import answers
from services.auth.oauth.clients import DEVICE, Client
from services.auth.oauth.directory import ClientDirectory
from services.auth.oauth.errors import InvalidGrant, OAuthError, UnauthorizedClient
from services.auth.oauth.failures import UserCodeThrottled, UserCodeUnknown
from services.auth.oauth.store import devices, grants
from services.auth.oauth.store.devices import APPROVED, DENIED, PENDING, DeviceGrant
from services.auth.oauth.user_codes import new_user_code, normalised, shown
from services.auth.places import network_of, place_of
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.sessions import OpenedSession
from services.auth.store import accounts, throttles
from services.auth.store.throttles import Weight
from services.auth.throttling import Allowance, Subject
from services.auth.tokens import TokenIssuer
from services.auth.vault import Vault
from services.chassis.database import Database

DEVICE_CODE_PREFIX = "pmd"
LIFETIME_S = 600
INTERVAL_S = 5
SLOW_DOWN_S = 5
REMEMBERED_MS = 600_000
"""So long after its end a device still hears that its code is out of date rather than unknown."""
_EARLY_MS = 500
"""Networks are not exact: so much too early is not called impatient."""
_LABEL = "user code"

GUESSES_OF_PERSON = Allowance(free=5, longest_ms=15 * 60_000)
GUESSES_OF_NETWORK = Allowance(free=60, longest_ms=15 * 60_000)


@dataclass(frozen=True, slots=True)
class BegunPairing:
    """What a device is told.

    Attributes:
        device_code: the only copy.
        user_code: as it is shown to people.
    """

    device_code: str = field(repr=False)
    user_code: str
    expires_in_s: int
    interval_s: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A device that waits, and the program on it."""

    grant: DeviceGrant
    client: Client


@dataclass(frozen=True, slots=True)
class Person:
    """Who confirms: signed in, by these methods, from there."""

    user_id: str
    methods: frozenset[str]
    peer: str


class _Answer(Enum):
    """Why a device gets no tokens yet, or ever; a value, so that what it entails is committed."""

    PENDING = ("authorization_pending", "nobody has confirmed the code yet")
    SLOW_DOWN = ("slow_down", "wait five seconds longer between two questions")
    DENIED = ("access_denied", "the person turned the device away")
    EXPIRED = ("expired_token", "the code is out of date: begin again")
    UNKNOWN = ("invalid_grant", "the device code is wrong or used")


class DevicePairing:
    """The use cases."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        directory: ClientDirectory,
        issuer: TokenIssuer,
        clock_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._vault = vault
        self._directory = directory
        self._issuer = issuer
        self._clock_ms = clock_ms

    async def begin(
        self, client: Client, scopes: frozenset[str], device_name: str, peer: str
    ) -> BegunPairing:
        """Give a device its codes.

        Raises:
            UnauthorizedClient: it is not a program of devices.
        """
        if DEVICE not in client.grants:
            raise UnauthorizedClient
        async with self._database.write() as transaction:
            return await transaction.run(self._begin, client, scopes, device_name, peer)

    def _begin(
        self, conn: Connection, client: Client, scopes: frozenset[str], device_name: str, peer: str
    ) -> BegunPairing:
        now_ms = self._clock_ms()
        device_code = new_token(DEVICE_CODE_PREFIX)
        while True:
            code = new_user_code()
            grant = DeviceGrant(
                device_code_sha256=fingerprint(device_code),
                user_code_mac=self._vault.mac(_LABEL, code),
                client_id=client.client_id,
                device_name=device_name,
                place=place_of(peer),
                scopes=scopes,
                state=PENDING,
                user_id=None,
                methods=frozenset(),
                interval_s=INTERVAL_S,
                polled_ms=0,
                created_ms=now_ms,
                expires_ms=now_ms + LIFETIME_S * 1000,
            )
            if devices.add(conn, grant):
                return BegunPairing(device_code, shown(code), LIFETIME_S, INTERVAL_S)

    async def redeem(self, client: Client, device_code: str, peer: str) -> dict[str, Any]:
        """The answer to a device that asks whether it was let in.

        Raises:
            OAuthError: it was not, as RFC 8628 says it.
        """
        async with self._database.write() as transaction:
            outcome = await transaction.run(self._redeem, client, device_code, peer)
        if isinstance(outcome, OpenedSession):
            return answers.token_answer(outcome, self._issuer)
        if outcome is _Answer.UNKNOWN:
            raise InvalidGrant
        raise OAuthError(*outcome.value)

    def _redeem(
        self, conn: Connection, client: Client, device_code: str, peer: str
    ) -> OpenedSession | _Answer:
        now_ms = self._clock_ms()
        grant = devices.lock(conn, fingerprint(device_code))
        if grant is None or grant.client_id != client.client_id:
            return _Answer.UNKNOWN
        if grant.expires_ms <= now_ms:
            return _Answer.EXPIRED
        if now_ms - grant.polled_ms < grant.interval_s * 1000 - _EARLY_MS:
            interval_s = grant.interval_s + SLOW_DOWN_S
            devices.change(conn, grant.device_code_sha256, polled_ms=now_ms, interval_s=interval_s)
            return _Answer.SLOW_DOWN
        if grant.state == PENDING:
            devices.change(conn, grant.device_code_sha256, polled_ms=now_ms)
            return _Answer.PENDING
        devices.remove(conn, grant.device_code_sha256)
        if grant.state != APPROVED or grant.user_id is None:
            return _Answer.DENIED
        account = accounts.lock(conn, grant.user_id)
        if account is None or not account.active:
            return _Answer.DENIED
        return sessions.open_session(
            conn,
            user_id=grant.user_id,
            kind=client.kind,
            client_id=client.client_id,
            scopes=grant.scopes,
            methods=grant.methods,
            device_name=grant.device_name or client.name,
            peer=peer,
            now_ms=now_ms,
        )

    async def look(self, user_code: str, person: Person) -> Pending:
        """The device that shows this code.

        Raises:
            UserCodeUnknown, UserCodeThrottled: see there.
        """
        await self._weigh(person)
        async with self._database.write() as transaction:
            return await transaction.run(self._look, user_code, person)

    async def approve(self, user_code: str, person: Person) -> Pending:
        """Let the device in.

        Raises:
            UserCodeUnknown, UserCodeThrottled: see there.
        """
        await self._weigh(person)
        async with self._database.write() as transaction:
            return await transaction.run(self._decide, user_code, person, APPROVED)

    async def deny(self, user_code: str, person: Person) -> Pending:
        """Turn the device away.

        Raises:
            UserCodeUnknown, UserCodeThrottled: see there.
        """
        await self._weigh(person)
        async with self._database.write() as transaction:
            return await transaction.run(self._decide, user_code, person, DENIED)

    async def _weigh(self, person: Person) -> None:
        """Count a try before the code is looked at, so that tries at the same time cannot slip through."""
        async with self._database.write() as transaction:
            blocked_ms = await transaction.run(throttling.attempt, self._subjects(person), self._clock_ms())
        if blocked_ms:
            raise UserCodeThrottled(blocked_ms / 1000)

    def _subjects(self, person: Person) -> list[Subject]:
        network = network_of(person.peer)
        return [
            Subject(self._vault.mac(_LABEL, f"person\0{person.user_id}"), GUESSES_OF_PERSON),
            Subject(self._vault.mac(_LABEL, f"network\0{network}"), GUESSES_OF_NETWORK),
        ]

    def _look(self, conn: Connection, user_code: str, person: Person) -> Pending:
        now_ms = self._clock_ms()
        code = normalised(user_code)
        if code is None:
            raise UserCodeUnknown
        grant = devices.lock_by_user_code(conn, self._vault.mac(_LABEL, code), now_ms)
        if grant is None or grant.state == DENIED or grant.user_id not in {None, person.user_id}:
            raise UserCodeUnknown
        client = self._directory.find(conn, grant.client_id, now_ms)
        if client is None or client.suspended:
            raise UserCodeUnknown
        self._take_back(conn, person, now_ms)
        return Pending(grant, client)

    def _take_back(self, conn: Connection, person: Person, now_ms: int) -> None:
        """The try was right: it weighs nothing. Earlier ones still do, or a guesser would make room for
        guesses with codes of their own.
        """
        for subject in sorted(self._subjects(person), key=lambda subject: subject.mac):
            weight = throttles.lock(conn, subject.mac)
            left = max(throttling.decayed(weight, now_ms) - 1_000, 0)
            throttles.put(conn, subject.mac, Weight(left, now_ms, 0))

    def _decide(self, conn: Connection, user_code: str, person: Person, state: int) -> Pending:
        pending = self._look(conn, user_code, person)
        account = accounts.lock(conn, person.user_id)
        if account is None or not account.active:
            raise UserCodeUnknown
        grant = pending.grant
        devices.change(
            conn,
            grant.device_code_sha256,
            state=state,
            user_id=person.user_id,
            methods=" ".join(sorted(person.methods)),
        )
        if state == APPROVED:
            kept = grants.find(conn, person.user_id, grant.client_id)
            scopes = grant.scopes | (kept.scopes if kept is not None else frozenset())
            grants.put(conn, person.user_id, grant.client_id, scopes, self._clock_ms())
        return pending
