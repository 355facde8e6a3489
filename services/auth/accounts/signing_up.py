"""Signing up: an account comes into being once its address is proved, and not before.

What was typed waits in a table of its own. An address that has an account is treated in every step like one
that has none: the same checks, one password hash, one row, one mail. Only its owner, who reads the mail,
learns the difference.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import Connection

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1.federation_service_pb2 import SignUpWithProviderRequest
from services.auth import signing_in, throttling
from services.auth.accounts.creating import create_account
from services.auth.addresses import NotAnAddress, normalised
from services.auth.errors import CodeWrong, MailsThrottled
from services.auth.jurisdictions import age_on, require_age, require_home
from services.auth.secret_tokens import fingerprint, new_code, new_token
from services.auth.signing_in import RequestContext, SignInResult
from services.auth.store import accounts, sign_ups
from services.auth.store.sign_ups import SignUp
from services.auth.tools import Tools
from services.chassis.errors import InvalidField

SIGN_UP_PREFIX = "pmu"
LINK_PREFIX = "pmv"
LIVES_MS = 60 * 60_000
MAX_WRONG_CODES = 5
MAX_MAILS = 5
FIRST_RESEND_MS = 60_000
_CODE_LABEL = "sign-up code"


@dataclass(frozen=True, slots=True)
class BegunSignUp:
    """What the client is told; the same whether or not the address has an account."""

    sign_up: str
    expires_ms: int
    resend_after_ms: int


def address(field: str, given: str) -> str:
    """The normalised address of a request's field.

    Raises:
        InvalidField: it is none.
    """
    try:
        return normalised(given)
    except NotAnAddress as error:
        raise InvalidField(field, str(error)) from None


class SigningUp:
    """The use cases of a sign-up."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def begin(self, request: wire.SignUpRequest) -> BegunSignUp:
        """Check what was typed, keep it, send a mail.

        Raises:
            InvalidField, ServedElsewhere, TooYoung, PasswordWeak, PasswordBreached: see there; none depends
            on
                whether the address has an account.
        """
        tools = self._tools
        email = address("email", request.email)
        require_home(request.country, tools.cell, tools.cells)
        birth_date, years = age_of(request, tools.clock_ms())
        require_age(request.country, years)
        await tools.require_good_password("password", request.password, email=email)
        name = self._name(request, email)
        draft = SignUp(
            sign_up_sha256=fingerprint(name),
            email=email,
            decoy=False,
            password_hash=await tools.passwords.hash(request.password),
            country=request.country,
            language=request.language or "en",
            birth_date=birth_date,
            at_least_years=years,
            code_mac=b"",
            token_sha256=b"",
            wrong_codes=0,
            mails=1,
            mailed_ms=0,
            expires_ms=0,
        )
        async with tools.database.write() as transaction:
            return await transaction.run(self._keep, name, draft)

    def _name(self, request: wire.SignUpRequest, email: str) -> str:
        """The secret name of a sign-up; for a repeat with the same `request_id` the same one."""
        if not request.request_id:
            return new_token(SIGN_UP_PREFIX)
        digest = hashlib.sha256(f"{request.request_id}\0{email}\0{request.password}".encode()).hexdigest()
        return f"{SIGN_UP_PREFIX}_{self._tools.vault.mac('sign-up name', digest).hex()}"

    def _keep(self, conn: Connection, name: str, draft: SignUp) -> BegunSignUp:
        tools, now_ms = self._tools, self._tools.clock_ms()
        known = sign_ups.lock(conn, draft.sign_up_sha256, now_ms)
        if known is not None:
            return _begun(name, known)
        taken = accounts.find_by_email(conn, draft.email) is not None
        mailed = self._may_mail(conn, draft.email)
        code, token = new_code(), new_token(LINK_PREFIX)
        kept = _replaced(
            draft,
            # A code that went to nobody is good for nobody: else it could be guessed without end.
            decoy=taken or not mailed,
            code_mac=tools.vault.mac(_CODE_LABEL, code),
            token_sha256=fingerprint(token),
            mailed_ms=now_ms,
            expires_ms=now_ms + LIVES_MS,
        )
        sign_ups.remove(conn, draft.sign_up_sha256)  # one of the same name that is over
        sign_ups.add(conn, kept)
        if mailed:
            self._mail(conn, kept, "account_exists" if taken else "verify", code, token)
        return _begun(name, kept)

    def _may_mail(self, conn: Connection, email: str) -> bool:
        """False where somebody floods the address."""
        subject = throttling.subject_of_mails(self._tools.vault, email)
        return not throttling.attempt(conn, [subject], self._tools.clock_ms())

    def _mail(self, conn: Connection, sign_up: SignUp, template: str, code: str, token: str) -> None:
        tools = self._tools
        tools.mail.put(
            conn,
            sign_up.email,
            template,
            sign_up.language,
            (tools.clock_ms(), sign_up.expires_ms),
            code=code,
            link=tools.link_to("verify", token),
            minutes=str(LIVES_MS // 60_000),
        )

    async def resend(self, name: str) -> BegunSignUp:
        """Send another code; the earlier one is void.

        Raises:
            MailsThrottled: it is too early, or enough were sent.
        """
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._resend, name)

    def _resend(self, conn: Connection, name: str) -> BegunSignUp:
        tools, now_ms = self._tools, self._tools.clock_ms()
        known = sign_ups.lock(conn, fingerprint(name), now_ms)
        if known is None:
            return BegunSignUp(name, now_ms + LIVES_MS, now_ms + FIRST_RESEND_MS)
        wait_ms = resend_after_ms(known) - now_ms
        if wait_ms > 0:
            raise MailsThrottled(wait_ms / 1000)
        if not self._may_mail(conn, known.email):
            raise MailsThrottled(FIRST_RESEND_MS / 1000)
        code, token = new_code(), new_token(LINK_PREFIX)
        changes = {
            "code_mac": tools.vault.mac(_CODE_LABEL, code),
            "token_sha256": fingerprint(token),
            "mails": known.mails + 1,
            "mailed_ms": now_ms,
        }
        sign_ups.change(conn, known.sign_up_sha256, **changes)
        again = _replaced(known, **changes)
        self._mail(conn, again, "account_exists" if known.decoy else "verify", code, token)
        return _begun(name, again)

    async def verify(self, request: wire.VerifyEmailRequest) -> SignInResult:
        """Make the account and sign in.

        Raises:
            CodeWrong: the code, the link, or the password with it, is not right.
        """
        context = RequestContext.of_call(request.client_id, request.device_name, self._tools.clock_ms())
        by_code = request.WhichOneof("proof") == "code"
        if by_code:
            proved = await self._proved_by_code(request.code)
        else:
            proved = await self._proved_by_link(request.link)
        if proved is None:
            raise CodeWrong
        async with self._tools.database.write() as transaction:
            result = await transaction.run(self._create, proved, context)
        if result is None:
            raise CodeWrong
        return result

    async def _proved_by_code(self, proof: wire.CodeProof) -> bytes | None:
        async with self._tools.database.write() as transaction:
            return await transaction.run(self._check_code, fingerprint(proof.sign_up), proof.code)

    def _check_code(self, conn: Connection, name: bytes, code: str) -> bytes | None:
        """The sign-up whose code it is; a wrong one counts, and counts in parallel too: the row is locked."""
        known = sign_ups.lock(conn, name, self._tools.clock_ms())
        if known is None:
            return None
        if self._tools.vault.matches(_CODE_LABEL, code, known.code_mac) and not known.decoy:
            return known.sign_up_sha256
        self._count_wrong(conn, known)
        return None

    def _count_wrong(self, conn: Connection, known: SignUp) -> None:
        if known.wrong_codes + 1 >= MAX_WRONG_CODES:
            sign_ups.remove(conn, known.sign_up_sha256)
        else:
            sign_ups.change(conn, known.sign_up_sha256, wrong_codes=known.wrong_codes + 1)

    async def _proved_by_link(self, proof: wire.LinkProof) -> bytes | None:
        tools = self._tools
        async with tools.database.write() as transaction:
            known = await transaction.run(sign_ups.lock_by_token, fingerprint(proof.token), tools.clock_ms())
            if known is not None:  # counted before it is looked at; success drops the row with its count
                await transaction.run(self._count_wrong, known)
        right = await tools.passwords.verify(known.password_hash if known else None, proof.password)
        return known.sign_up_sha256 if known is not None and right and not known.decoy else None

    def _create(self, conn: Connection, name: bytes, context: RequestContext) -> SignInResult | None:
        known = sign_ups.lock(conn, name, context.now_ms)
        if known is None:
            return None  # somebody else ended it meanwhile
        sign_ups.remove(conn, name)
        account = create_account(
            conn,
            cell=self._tools.cell,
            email=known.email,
            password_hash=known.password_hash,
            country=known.country,
            language=known.language,
            birth_date=known.birth_date,
            at_least_years=known.at_least_years,
            now_ms=context.now_ms,
        )
        return None if account is None else signing_in.complete(conn, account, {"pwd"}, context)


def resend_after_ms(sign_up: SignUp) -> int:
    """When the next mail may be asked for: each pause is twice as long, and after the last there is none."""
    if sign_up.mails >= MAX_MAILS:
        return sign_up.expires_ms
    return sign_up.mailed_ms + (FIRST_RESEND_MS << (sign_up.mails - 1))


def _begun(name: str, sign_up: SignUp) -> BegunSignUp:
    return BegunSignUp(name, sign_up.expires_ms, resend_after_ms(sign_up))


def _replaced(sign_up: SignUp, **changes: object) -> SignUp:
    values = {name: getattr(sign_up, name) for name in SignUp.__slots__} | changes
    return SignUp(**values)


def age_of(request: wire.SignUpRequest | SignUpWithProviderRequest, now_ms: int) -> tuple[str | None, int]:
    """The day of birth, where it was said, and how old the person is at the least."""
    if request.WhichOneof("age") != "birth_date":
        return None, request.at_least_years
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    try:
        birth = date.fromisoformat(request.birth_date)
    except ValueError:
        raise InvalidField("birth_date", "must be a day, as in 2001-09-30") from None
    years = age_on(birth, today)
    if not 0 <= years <= 150:
        raise InvalidField("birth_date", "must be the day on which a living person was born")
    return request.birth_date, years
