"""What the owner of an account changes of their second factors."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from services.auth.passkeys import store as passkey_store
from services.auth.second_factors import second_factors_of
from services.auth.store import accounts
from services.auth.store.accounts import Account
from services.auth.tools import Tools
from services.auth.totp import store
from services.auth.totp.checking import secret_label
from services.auth.totp.codes import (
    RECOVERY_CODES,
    accepted_step,
    new_recovery_code,
    new_secret,
    otpauth_uri,
    recovery_fingerprint,
)
from services.auth.totp.errors import NothingToGuard, SecondFactorWrong
from services.auth.totp.owning import OwnerProofs
from services.auth.vault import SealBroken
from services.chassis.call import current_call

PENDING_MS = 15 * 60_000


@dataclass(frozen=True, slots=True)
class PendingTotp:
    """A secret that waits for its first code."""

    secret: str = field(repr=False)
    otpauth_uri: str = field(repr=False)
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Held:
    """What a person has set up, and recovery codes that were just made."""

    row: store.SecondFactorRow
    required: bool
    passkeys: int
    codes_left: int
    new_codes: tuple[str, ...] = field(default=(), repr=False)


class SecondFactors:
    """The use cases; all are the caller's about the caller's own account."""

    def __init__(self, tools: Tools, owners: OwnerProofs, issuer: str) -> None:
        """`issuer`: how apps call the platform."""
        self._tools = tools
        self._owners = owners
        self._issuer = issuer

    async def get(self) -> Held:
        """What the caller has set up."""
        async with self._tools.database.read() as view:
            return await view.run(_held, current_call().principal.user_id)

    async def begin_totp(self, proof: OwnerProof) -> PendingTotp:
        """Make a secret that waits for its first code.

        Raises:
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        secret, expires_ms = new_secret(), self._tools.clock_ms() + PENDING_MS
        sealed = self._tools.vault.seal(secret_label(account.user_id), secret.encode())
        async with self._tools.database.write() as transaction:
            await transaction.run(store.lock, account.user_id)
            await transaction.run(
                store.change, account.user_id, pending_secret=sealed, pending_expires_ms=expires_ms
            )
        uri = otpauth_uri(secret, account.email or account.user_id, self._issuer)
        return PendingTotp(secret, uri, expires_ms)

    async def confirm_totp(self, code: str) -> Held:
        """Set up the app that shows the code.

        Raises:
            SecondFactorWrong: it is not the code of the secret that waits, or none waits.
        """
        user_id = current_call().principal.user_id
        async with self._tools.database.write() as transaction:
            held = await transaction.run(self._confirm, user_id, code)
        if held is None:
            raise SecondFactorWrong
        return held

    def _confirm(self, conn: Connection, user_id: str, code: str) -> Held | None:
        now_ms = self._tools.clock_ms()
        account = accounts.lock(conn, user_id)
        row = store.lock(conn, user_id) if account is not None and account.active else None
        if account is None or row is None or row.pending_secret is None or row.pending_expires_ms <= now_ms:
            return None
        try:
            secret = self._tools.vault.open(secret_label(user_id), row.pending_secret).decode()
        except SealBroken:
            return None
        step = accepted_step(secret, code, now_ms, last_step=0)
        if step is None:
            # One wrong code ends nothing: who reads the secret from the screen is the owner, who proved it.
            return None
        store.change(
            conn,
            user_id,
            totp_secret=row.pending_secret,
            totp_since_ms=now_ms,
            totp_last_step=step,
            pending_secret=None,
            pending_expires_ms=0,
        )
        return self._changed(conn, account, now_ms)

    async def disable_totp(self, proof: OwnerProof) -> Held:
        """Forget the app.

        Raises:
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._disable, account)

    def _disable(self, conn: Connection, account: Account) -> Held:
        before = store.lock(conn, account.user_id)
        store.change(
            conn, account.user_id, totp_secret=None, totp_since_ms=None, pending_secret=None
        )  # the last step stays: a code of the same app set up again is not taken twice either
        if before.totp_secret is None:
            return _held(conn, account.user_id)
        return self._changed(conn, account, self._tools.clock_ms())

    async def require_passkey(self, proof: OwnerProof, *, required: bool) -> Held:
        """Say whether passkeys are asked for as the second proof even without an app for codes.

        Raises:
            NothingToGuard: there is no passkey.
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._require_passkey, account, required)

    def _require_passkey(self, conn: Connection, account: Account, required: bool) -> Held:
        accounts.lock(conn, account.user_id)
        before = store.lock(conn, account.user_id)
        if required and not passkey_store.count(conn, account.user_id):
            raise NothingToGuard("add a passkey first")
        if before.passkey_required == required:
            return _held(conn, account.user_id)
        store.change(conn, account.user_id, passkey_required=required)
        return self._changed(conn, account, self._tools.clock_ms())

    async def regenerate(self, proof: OwnerProof) -> tuple[str, ...]:
        """Make other recovery codes.

        Raises:
            NothingToGuard: there is no second factor.
            See `OwnerProofs.require`.
        """
        account = await self._owners.require(proof)
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._regenerate, account)

    def _regenerate(self, conn: Connection, account: Account) -> tuple[str, ...]:
        store.lock(conn, account.user_id)
        if not second_factors_of(conn, account.user_id):
            raise NothingToGuard("set up a second factor first")
        now_ms = self._tools.clock_ms()
        self._tools.mail.notice(conn, account.email, "recovery_codes_made", account.language, now_ms)
        return _make_codes(conn, account.user_id)

    def _changed(self, conn: Connection, account: Account, now_ms: int) -> Held:
        """What follows from any change: codes when there is something to recover, none otherwise, a mail."""
        self._tools.mail.notice(conn, account.email, "second_factors_changed", account.language, now_ms)
        return tidied(conn, account.user_id)


def tidied(conn: Connection, user_id: str) -> Held:
    """Store function: recovery codes exist just when there is a second factor to do without."""
    made: tuple[str, ...] = ()
    if not second_factors_of(conn, user_id):
        store.put_codes(conn, user_id, ())
    elif not store.codes_left(conn, user_id):
        made = _make_codes(conn, user_id)
    return _held(conn, user_id, made)


def forget_passkeys(conn: Connection, user_id: str) -> None:
    """Store function: the last passkey went; it can be asked for no more."""
    store.lock(conn, user_id)
    store.change(conn, user_id, passkey_required=False)
    if not second_factors_of(conn, user_id):
        store.put_codes(conn, user_id, ())


def _make_codes(conn: Connection, user_id: str) -> tuple[str, ...]:
    codes = tuple(new_recovery_code() for _ in range(RECOVERY_CODES))
    store.put_codes(conn, user_id, [recovery_fingerprint(user_id, code) for code in codes])
    return codes


def _held(conn: Connection, user_id: str, new_codes: tuple[str, ...] = ()) -> Held:
    return Held(
        row=store.find(conn, user_id),
        required=bool(second_factors_of(conn, user_id)),
        passkeys=passkey_store.count(conn, user_id),
        codes_left=store.codes_left(conn, user_id),
        new_codes=new_codes,
    )
