"""AccountService: accounts, from sign-up to deletion."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from pulsemesh.auth.v1 import account_service_pb2 as wire
from pulsemesh.auth.v1 import account_service_pb2_grpc as stubs
from services.auth.accounts.changing import Changing
from services.auth.accounts.resetting import Resetting
from services.auth.accounts.signing_up import SigningUp
from services.auth.tokens import TokenIssuer
from services.auth.wire import account_message, tokens_message

_Context = grpc.aio.ServicerContext[object, object]


class AccountServicer(stubs.AccountServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, signing_up: SigningUp, resetting: Resetting, changing: Changing, issuer: TokenIssuer
    ) -> None:
        self._signing_up = signing_up
        self._resetting = resetting
        self._changing = changing
        self._issuer = issuer

    async def SignUp(self, request: wire.SignUpRequest, context: _Context) -> wire.SignUpResponse:
        begun = await self._signing_up.begin(request)
        return wire.SignUpResponse(
            sign_up=begun.sign_up,
            expires_at=_time(begun.expires_ms),
            resend_after=_time(begun.resend_after_ms),
        )

    async def ResendVerification(
        self, request: wire.ResendVerificationRequest, context: _Context
    ) -> wire.ResendVerificationResponse:
        begun = await self._signing_up.resend(request.sign_up)
        return wire.ResendVerificationResponse(
            expires_at=_time(begun.expires_ms), resend_after=_time(begun.resend_after_ms)
        )

    async def VerifyEmail(
        self, request: wire.VerifyEmailRequest, context: _Context
    ) -> wire.VerifyEmailResponse:
        result = await self._signing_up.verify(request)
        assert result.opened is not None  # a new account has no second factor
        return wire.VerifyEmailResponse(tokens=tokens_message(result.opened, self._issuer))

    async def RequestPasswordReset(
        self, request: wire.RequestPasswordResetRequest, context: _Context
    ) -> wire.RequestPasswordResetResponse:
        expires_ms = await self._resetting.ask(request.email)
        return wire.RequestPasswordResetResponse(expires_at=_time(expires_ms))

    async def ResetPassword(
        self, request: wire.ResetPasswordRequest, context: _Context
    ) -> wire.ResetPasswordResponse:
        ended = await self._resetting.reset(request.token, request.new_password)
        return wire.ResetPasswordResponse(ended_sessions=ended)

    async def GetAccount(self, request: wire.GetAccountRequest, context: _Context) -> wire.GetAccountResponse:
        return wire.GetAccountResponse(account=account_message(*await self._changing.account()))

    async def UpdateAccount(
        self, request: wire.UpdateAccountRequest, context: _Context
    ) -> wire.UpdateAccountResponse:
        account = await self._changing.change_language(request.language)
        return wire.UpdateAccountResponse(account=account_message(account))

    async def ChangePassword(
        self, request: wire.ChangePasswordRequest, context: _Context
    ) -> wire.ChangePasswordResponse:
        return wire.ChangePasswordResponse(ended_sessions=await self._changing.change_password(request))

    async def ChangeEmail(
        self, request: wire.ChangeEmailRequest, context: _Context
    ) -> wire.ChangeEmailResponse:
        return wire.ChangeEmailResponse(expires_at=_time(await self._changing.change_email(request)))

    async def ConfirmEmailChange(
        self, request: wire.ConfirmEmailChangeRequest, context: _Context
    ) -> wire.ConfirmEmailChangeResponse:
        account = await self._changing.confirm_email(request.code)
        return wire.ConfirmEmailChangeResponse(account=account_message(account))

    async def RequestAccountDeletion(
        self, request: wire.RequestAccountDeletionRequest, context: _Context
    ) -> wire.RequestAccountDeletionResponse:
        requested_ms = await self._changing.request_deletion(request)
        return wire.RequestAccountDeletionResponse(requested_at=_time(requested_ms))


def _time(milliseconds: int) -> Timestamp:
    time = Timestamp()
    time.FromMilliseconds(milliseconds)
    return time
