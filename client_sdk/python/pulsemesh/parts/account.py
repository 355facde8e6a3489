"""One's account: from signing up to its deletion."""

from __future__ import annotations

from datetime import date

from pulsemesh.auth.v1 import (
    account_pb2,
    account_service_pb2_grpc,
    session_service_pb2,
    session_service_pb2_grpc,
)
from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.auth.v1.session_pb2 import SecondFactorChallenge
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.credentials import SessionTokens
from pulsemesh.parts.second_factors import owner_proof
from pulsemesh.ulid import new_ulid

__all__ = ["Account", "SecondFactorNeeded"]


class SecondFactorNeeded(Exception):
    """The password was right, and another proof is needed.

    `challenge` names this attempt to the method that takes the proof, `methods` says which the person has.
    """

    def __init__(self, challenge: str, methods: tuple[str, ...]) -> None:
        super().__init__(f"a second proof is needed: {' or '.join(methods)}")
        self.challenge = challenge
        self.methods = methods

    @classmethod
    def of(cls, challenge: SecondFactorChallenge) -> SecondFactorNeeded:
        """Return the exception of an answer."""
        return cls(challenge.challenge, tuple(challenge.methods))


class Account:
    """The account of the person who is signed in, and the ways to one."""

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = account_service_pb2_grpc.AccountServiceStub(channel.for_stub())
        # Signing in and up asks for no credentials, and must not wait for a session that is over.
        self._anyone = account_service_pb2_grpc.AccountServiceStub(anonymous.for_stub())
        self._sessions = session_service_pb2_grpc.SessionServiceStub(anonymous.for_stub())

    async def sign_up(
        self,
        email: str,
        password: str,
        *,
        country: str,
        born: date | None = None,
        at_least_years: int = 0,
        language: str = "",
        request_id: str = "",
    ) -> wire.SignUpResponse:
        """Begin a sign-up; a mail with a code goes to the address. `verify` ends it.

        `country` is ISO 3166-1 alpha-2. The answer does not tell whether the address has an account.
        """
        request = wire.SignUpRequest(
            email=email,
            password=password,
            country=country.upper(),
            language=language,
            request_id=request_id or new_ulid(),
        )
        if born is not None:
            request.birth_date = born.isoformat()
        else:
            request.at_least_years = at_least_years
        return await self._anyone.SignUp(request)

    async def resend(self, sign_up: str) -> wire.ResendVerificationResponse:
        """Have the mail sent again, with another code."""
        return await self._anyone.ResendVerification(wire.ResendVerificationRequest(sign_up=sign_up))

    async def verify(
        self, sign_up: str, code: str, *, device_name: str = "", client_id: str = ""
    ) -> SessionTokens:
        """Make the account by the code of the mail, and sign in."""
        proof = wire.CodeProof(sign_up=sign_up, code=code)
        request = wire.VerifyEmailRequest(code=proof, device_name=device_name, client_id=client_id)
        return SessionTokens.of((await self._anyone.VerifyEmail(request)).tokens)

    async def verify_link(
        self, token: str, password: str, *, device_name: str = "", client_id: str = ""
    ) -> SessionTokens:
        """Make the account by the link of the mail and the password of the sign-up, and sign in."""
        proof = wire.LinkProof(token=token, password=password)
        request = wire.VerifyEmailRequest(link=proof, device_name=device_name, client_id=client_id)
        return SessionTokens.of((await self._anyone.VerifyEmail(request)).tokens)

    async def sign_in(
        self, email: str, password: str, *, device_name: str = "", client_id: str = ""
    ) -> SessionTokens:
        """Sign in. `SessionCredentials` of the answer renew themselves.

        Raises `SecondFactorNeeded` where the person has more than a password.
        """
        request = session_service_pb2.SignInRequest(
            email=email, password=password, device_name=device_name, client_id=client_id
        )
        result = (await self._sessions.SignIn(request)).result
        if result.WhichOneof("outcome") == "second_factor":
            raise SecondFactorNeeded.of(result.second_factor)
        return SessionTokens.of(result.tokens)

    async def request_password_reset(self, email: str) -> None:
        """Have a link to set another password sent to the address, if it has an account."""
        await self._anyone.RequestPasswordReset(wire.RequestPasswordResetRequest(email=email))

    async def reset_password(self, token: str, new_password: str) -> int:
        """Set another password by the token of the link; returns how many sessions that ended."""
        request = wire.ResetPasswordRequest(token=token, new_password=new_password)
        return (await self._anyone.ResetPassword(request)).ended_sessions

    async def get(self) -> account_pb2.Account:
        """Return the account of the one who is signed in."""
        return (await self._stub.GetAccount(wire.GetAccountRequest())).account

    async def set_language(self, language: str) -> account_pb2.Account:
        """Choose the language of mails."""
        return (await self._stub.UpdateAccount(wire.UpdateAccountRequest(language=language))).account

    async def change_password(
        self, current_password: str, new_password: str, *, totp_code: str = "", recovery_code: str = ""
    ) -> int:
        """Set another password; returns how many other sessions that ended.

        With a second factor it takes one of the codes, or a session that began with one within the last ten
        minutes; the present password is enough without.
        """
        request = wire.ChangePasswordRequest(
            current_password=current_password,
            new_password=new_password,
            proof=_code_proof(totp_code, recovery_code),
        )
        return (await self._stub.ChangePassword(request)).ended_sessions

    async def change_email(
        self, new_email: str, current_password: str = "", *, totp_code: str = "", recovery_code: str = ""
    ) -> None:
        """Have a code sent to another address; `confirm_email` makes that count. Proof as in
        `change_password`.
        """
        request = wire.ChangeEmailRequest(
            new_email=new_email,
            current_password=current_password,
            proof=_code_proof(totp_code, recovery_code),
        )
        await self._stub.ChangeEmail(request)

    async def confirm_email(self, code: str) -> account_pb2.Account:
        """Make the other address the account's, by the code that was sent there."""
        return (await self._stub.ConfirmEmailChange(wire.ConfirmEmailChangeRequest(code=code))).account

    async def request_deletion(
        self, current_password: str = "", *, totp_code: str = "", recovery_code: str = ""
    ) -> None:
        """Ask for the account and everything of the person to be erased. Nobody can sign in afterwards. Proof
        as in `change_password`.
        """
        request = wire.RequestAccountDeletionRequest(
            current_password=current_password, proof=_code_proof(totp_code, recovery_code)
        )
        await self._stub.RequestAccountDeletion(request)


def _code_proof(totp_code: str, recovery_code: str) -> OwnerProof | None:
    """None without a code: the password counts then."""
    if not (totp_code or recovery_code):
        return None
    return owner_proof(totp_code=totp_code, recovery_code=recovery_code)
