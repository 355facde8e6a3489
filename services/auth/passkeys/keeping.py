"""Making passkeys, and what their owner does with them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import Connection

from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.ulid import new_ulid
from services.auth.passkeys import store
from services.auth.passkeys.errors import PasskeyNotFound, PasskeyRefused, TooManyPasskeys
from services.auth.passkeys.store import REGISTRATION, Ceremony, PasskeyRow
from services.auth.passkeys.verifying import (
    TIMEOUT_MS,
    MadePasskey,
    RelyingParty,
    made_passkey,
    registration_options,
)
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.store import accounts
from services.auth.store.accounts import Account
from services.auth.tools import Tools
from services.auth.totp.errors import SignInAttemptOver
from services.auth.totp.managing import forget_passkeys
from services.auth.totp.owning import OwnerProofs
from services.auth.ways_in import require_another
from services.chassis.call import current_call
from services.chassis.errors import AlreadyExists

CEREMONY_PREFIX = "pmk"
CHALLENGE_BYTES = 32
MOST = 50


@dataclass(frozen=True, slots=True)
class BegunCeremony:
    """What the client is told.

    Attributes:
        ceremony: names the attempt; the only copy.
        options_json: what the device is asked for.
    """

    ceremony: str = field(repr=False)
    options_json: str
    expires_ms: int


class Passkeys:
    """The use cases; all are the caller's about the caller's own account."""

    def __init__(
        self, tools: Tools, owners: OwnerProofs, party: RelyingParty, issuers: Collection[str]
    ) -> None:
        """`issuers`: of the outside providers that are other ways in."""
        self._tools = tools
        self._owners = owners
        self._party = party
        self._issuers = issuers

    async def begin(self, proof: OwnerProof) -> BegunCeremony:
        """Begin to make a passkey.

        Raises:
            TooManyPasskeys: see there.
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._begin, account)

    def _begin(self, conn: Connection, account: Account) -> BegunCeremony:
        present = store.of_person(conn, account.user_id)
        if len(present) >= MOST:
            raise TooManyPasskeys(MOST)
        ceremony, token = new_ceremony(REGISTRATION, self._tools.clock_ms(), user_id=account.user_id)
        store.begin(conn, ceremony)
        options = registration_options(
            self._party, ceremony.challenge, account.user_id, account.email or account.user_id, present
        )
        return BegunCeremony(token, options, ceremony.expires_ms)

    async def finish(self, registration: str, credential_json: str, name: str) -> PasskeyRow:
        """Keep the passkey that a device made.

        Raises:
            SignInAttemptOver: the attempt was used, is too old, or is another person's.
            PasskeyRefused: it is not what was asked for.
            AlreadyExists: somebody has it.
        """
        user_id = current_call().principal.user_id
        async with self._tools.database.write() as transaction:
            # Taken for good, whatever comes of it: a challenge is good once.
            ceremony = await transaction.run(store.take, fingerprint(registration), self._tools.clock_ms())
        if ceremony is None or ceremony.purpose != REGISTRATION or ceremony.user_id != user_id:
            raise SignInAttemptOver
        made = made_passkey(self._party, ceremony.challenge, credential_json)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._keep, user_id, made, name.strip() or "Passkey")

    def _keep(self, conn: Connection, user_id: str, made: MadePasskey, name: str) -> PasskeyRow:
        now_ms, verified = self._tools.clock_ms(), made.verified
        account = accounts.lock(conn, user_id)
        if account is None or not account.active:
            raise PasskeyRefused
        if store.count(conn, user_id) >= MOST:
            raise TooManyPasskeys(MOST)
        passkey = PasskeyRow(
            passkey_id=new_ulid(now_ms),
            user_id=user_id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name,
            transports=made.transports[:120],
            aaguid=verified.aaguid,
            may_be_backed_up=made.may_be_backed_up,
            backed_up=verified.credential_backed_up,
            created_ms=now_ms,
            used_ms=None,
        )
        if not store.add(conn, passkey):
            raise AlreadyExists("passkey", name)
        self._tools.mail.notice(conn, account.email, "passkey_added", account.language, now_ms, name=name)
        return passkey

    async def list_of_caller(self) -> list[PasskeyRow]:
        """The caller's passkeys, the oldest first."""
        async with self._tools.database.read() as view:
            return await view.run(store.of_person, current_call().principal.user_id)

    async def rename(self, passkey_id: str, name: str) -> PasskeyRow:
        """Call a passkey something else.

        Raises:
            PasskeyNotFound: the caller has none such.
        """
        async with self._tools.database.write() as transaction:
            return await transaction.run(
                self._rename, current_call().principal.user_id, passkey_id, name.strip() or "Passkey"
            )

    def _rename(self, conn: Connection, user_id: str, passkey_id: str, name: str) -> PasskeyRow:
        if store.find(conn, user_id, passkey_id) is None:
            raise PasskeyNotFound(passkey_id)
        store.change(conn, passkey_id, name=name)
        renamed = store.find(conn, user_id, passkey_id)
        assert renamed is not None
        return renamed

    async def delete(self, passkey_id: str, proof: OwnerProof) -> bool:
        """Forget a passkey; False when the caller has none such.

        Raises:
            LastWayIn: see there.
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._delete, account.user_id, passkey_id)

    def _delete(self, conn: Connection, user_id: str, passkey_id: str) -> bool:
        account = accounts.lock(conn, user_id)
        passkey = store.find(conn, user_id, passkey_id)
        if account is None or passkey is None:
            return False
        require_another(conn, account, self._issuers)
        store.remove(conn, passkey_id)
        if not store.count(conn, user_id):
            forget_passkeys(conn, user_id)
        now_ms = self._tools.clock_ms()
        self._tools.mail.notice(
            conn, account.email, "passkey_removed", account.language, now_ms, name=passkey.name
        )
        return True


def new_ceremony(
    purpose: int, now_ms: int, *, user_id: str | None = None, sign_in_sha256: bytes | None = None
) -> tuple[Ceremony, str]:
    """A new attempt, and the secret by which the client that began it names it."""
    token = new_token(CEREMONY_PREFIX)
    ceremony = Ceremony(
        ceremony_sha256=fingerprint(token),
        purpose=purpose,
        challenge=secrets.token_bytes(CHALLENGE_BYTES),
        user_id=user_id,
        sign_in_sha256=sign_in_sha256,
        expires_ms=now_ms + TIMEOUT_MS,
    )
    return ceremony, token
