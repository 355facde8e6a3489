"""Signing in by a passkey: alone, or as the second proof."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import Connection
from webauthn.helpers.structs import AuthenticationCredential

from pulsemesh.auth.v1 import passkey_service_pb2 as wire
from services.auth import signing_in
from services.auth.errors import StaffRefused
from services.auth.passkeys import store
from services.auth.passkeys.errors import PasskeyCopied, PasskeyRefused
from services.auth.passkeys.keeping import BegunCeremony, new_ceremony
from services.auth.passkeys.store import REGISTRATION, SECOND_PROOF, SIGN_IN, Ceremony, PasskeyRow
from services.auth.passkeys.verifying import (
    RelyingParty,
    read_credential,
    require_signed,
    sign_in_options,
    went_back,
)
from services.auth.second_factors import second_factors_of
from services.auth.secret_tokens import fingerprint
from services.auth.signing_in import RequestContext, SignInResult, StaffNeedsMore
from services.auth.store import accounts, challenges
from services.auth.store.accounts import Account
from services.auth.store.challenges import Challenge
from services.auth.tools import Tools
from services.auth.totp.completing import note_wrong_proof
from services.auth.totp.errors import SignInAttemptOver
from services.auth.ways_in import SignedIn, signed_in


class Refusal(Enum):
    """Why a passkey leads nowhere. A value, for what a refusal entails must be committed first."""

    OVER = "over"
    REFUSED = "refused"
    COPIED = "copied"
    STAFF = "staff"

    def error(self) -> Exception:
        """How it is said."""
        errors = {
            Refusal.OVER: SignInAttemptOver,
            Refusal.REFUSED: PasskeyRefused,
            Refusal.COPIED: PasskeyCopied,
            Refusal.STAFF: StaffRefused,
        }
        return errors[self]()


class SigningInByPasskey:
    """The use case."""

    def __init__(self, tools: Tools, party: RelyingParty) -> None:
        self._tools = tools
        self._party = party

    async def begin(self, challenge_token: str) -> BegunCeremony:
        """Ask a device for its signature.

        Args:
            challenge_token: of a sign-in that awaits its second proof; empty to sign in by a passkey alone.

        Raises:
            SignInAttemptOver: the sign-in is over, or its person has no passkey to give as the second proof.
        """
        begin = self._begin_second_proof if challenge_token else self._begin_sign_in
        async with self._tools.database.write() as transaction:
            begun = await transaction.run(begin, challenge_token)
        if begun is None:
            raise SignInAttemptOver
        return begun

    def _begin_sign_in(self, conn: Connection, _: str) -> BegunCeremony:
        ceremony, token = new_ceremony(SIGN_IN, self._tools.clock_ms())
        store.begin(conn, ceremony)
        options = sign_in_options(self._party, ceremony.challenge, (), verify_user=True)
        return BegunCeremony(token, options, ceremony.expires_ms)

    def _begin_second_proof(self, conn: Connection, challenge_token: str) -> BegunCeremony | None:
        now_ms = self._tools.clock_ms()
        challenge = signing_in.find_challenge(conn, challenge_token, now_ms)
        if challenge is None or "passkey" not in second_factors_of(conn, challenge.user_id):
            return None
        ceremony, token = new_ceremony(
            SECOND_PROOF,
            now_ms,
            user_id=challenge.user_id,
            sign_in_sha256=challenge.challenge_sha256,
        )
        store.begin(conn, ceremony)
        allowed = store.of_person(conn, challenge.user_id)
        options = sign_in_options(self._party, ceremony.challenge, allowed, verify_user=False)
        return BegunCeremony(token, options, ceremony.expires_ms)

    async def finish(self, request: wire.FinishPasskeySignInRequest) -> SignedIn:
        """
        Raises:
            SignInAttemptOver, PasskeyRefused, PasskeyCopied, StaffRefused: see there.
        """
        now_ms = self._tools.clock_ms()
        context = RequestContext.of_call(request.client_id, request.device_name, now_ms)
        async with self._tools.database.write() as transaction:
            # Taken for good, whatever comes of it: a challenge is good once.
            ceremony = await transaction.run(store.take, fingerprint(request.sign_in), now_ms)
        if ceremony is None or ceremony.purpose == REGISTRATION:
            raise SignInAttemptOver
        credential = read_credential(request.credential_json)
        async with self._tools.database.write() as transaction:
            outcome = await transaction.run(self._finish, ceremony, credential, context)
        if isinstance(outcome, Refusal):
            raise outcome.error()
        return outcome

    def _finish(
        self,
        conn: Connection,
        ceremony: Ceremony,
        credential: AuthenticationCredential,
        context: RequestContext,
    ) -> SignedIn | Refusal:
        challenge: Challenge | None = None
        if ceremony.purpose == SECOND_PROOF:
            challenge = challenges.lock(conn, ceremony.sign_in_sha256 or b"", context.now_ms)
            if challenge is None:
                return Refusal.OVER
        owned = _owned(conn, credential.raw_id)
        outcome = self._prove(conn, ceremony, credential, owned, context.now_ms)
        if isinstance(outcome, Refusal):
            account = None if challenge is None else accounts.find(conn, challenge.user_id)
            if challenge is not None and account is not None:
                note_wrong_proof(conn, self._tools, challenge, account, context.now_ms)
            return outcome
        account, method = outcome
        try:
            return signed_in(conn, _complete(conn, challenge, account, method, context))
        except StaffNeedsMore:
            return Refusal.STAFF

    def _prove(
        self,
        conn: Connection,
        ceremony: Ceremony,
        credential: AuthenticationCredential,
        owned: tuple[Account, PasskeyRow] | None,
        now_ms: int,
    ) -> tuple[Account, str] | Refusal:
        """Whose passkey signed, and by what method of RFC 8176."""
        if owned is None:
            return Refusal.REFUSED
        account, passkey = owned
        if ceremony.user_id is not None and ceremony.user_id != account.user_id:
            return Refusal.REFUSED
        alone = ceremony.purpose == SIGN_IN
        try:
            verified = require_signed(self._party, ceremony.challenge, credential, passkey, verify_user=alone)
        except PasskeyRefused:
            return Refusal.REFUSED
        if went_back(passkey, verified.new_sign_count):
            self._tools.mail.notice(
                conn, account.email, "passkey_copied", account.language, now_ms, name=passkey.name
            )
            return Refusal.COPIED
        store.change(
            conn,
            passkey.passkey_id,
            sign_count=verified.new_sign_count,
            backed_up=verified.credential_backed_up,
            used_ms=now_ms,
        )
        return account, "swk" if passkey.may_be_backed_up else "hwk"


def _owned(conn: Connection, credential_id: bytes) -> tuple[Account, PasskeyRow] | None:
    """A passkey and its owner, both locked, the account first as everywhere."""
    seen = store.find_by_credential(conn, credential_id)
    account = None if seen is None else accounts.lock(conn, seen.user_id)
    passkey = None if account is None else store.lock_by_credential(conn, credential_id)
    if account is None or passkey is None or passkey.user_id != account.user_id or not account.active:
        return None
    return account, passkey


def _complete(
    conn: Connection, challenge: Challenge | None, account: Account, method: str, context: RequestContext
) -> SignInResult:
    if challenge is None:
        return signing_in.complete(conn, account, {method}, context)
    return signing_in.complete_challenge(
        conn, challenge, account, method, peer=context.peer, now_ms=context.now_ms
    )
