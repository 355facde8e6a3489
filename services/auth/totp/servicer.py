"""SecondFactorService: second proofs at sign-in, and what a person sets up for them."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import second_factor_pb2
from pulsemesh.auth.v1 import second_factor_service_pb2 as wire
from pulsemesh.auth.v1 import second_factor_service_pb2_grpc as stubs
from services.auth.tokens import TokenIssuer
from services.auth.totp.completing import Completing
from services.auth.totp.managing import Held, SecondFactors
from services.auth.wire import tokens_message

_Context = grpc.aio.ServicerContext[object, object]


class SecondFactorServicer(stubs.SecondFactorServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, completing: Completing, factors: SecondFactors, issuer: TokenIssuer) -> None:
        self._completing = completing
        self._factors = factors
        self._issuer = issuer

    async def CompleteSignIn(
        self, request: wire.CompleteSignInRequest, context: _Context
    ) -> wire.CompleteSignInResponse:
        signed_in = await self._completing.complete(request)
        tokens = tokens_message(signed_in.opened, self._issuer, signed_in.roles)
        return wire.CompleteSignInResponse(tokens=tokens)

    async def GetSecondFactors(
        self, request: wire.GetSecondFactorsRequest, context: _Context
    ) -> wire.GetSecondFactorsResponse:
        return wire.GetSecondFactorsResponse(second_factors=_message(await self._factors.get()))

    async def BeginTotp(self, request: wire.BeginTotpRequest, context: _Context) -> wire.BeginTotpResponse:
        pending = await self._factors.begin_totp(request.proof)
        answer = wire.BeginTotpResponse(secret=pending.secret, otpauth_uri=pending.otpauth_uri)
        answer.expires_at.FromMilliseconds(pending.expires_ms)
        return answer

    async def ConfirmTotp(
        self, request: wire.ConfirmTotpRequest, context: _Context
    ) -> wire.ConfirmTotpResponse:
        held = await self._factors.confirm_totp(request.code)
        return wire.ConfirmTotpResponse(second_factors=_message(held), recovery_codes=held.new_codes)

    async def DisableTotp(
        self, request: wire.DisableTotpRequest, context: _Context
    ) -> wire.DisableTotpResponse:
        held = await self._factors.disable_totp(request.proof)
        return wire.DisableTotpResponse(second_factors=_message(held))

    async def RequirePasskey(
        self, request: wire.RequirePasskeyRequest, context: _Context
    ) -> wire.RequirePasskeyResponse:
        held = await self._factors.require_passkey(request.proof, required=request.required)
        return wire.RequirePasskeyResponse(second_factors=_message(held), recovery_codes=held.new_codes)

    async def RegenerateRecoveryCodes(
        self, request: wire.RegenerateRecoveryCodesRequest, context: _Context
    ) -> wire.RegenerateRecoveryCodesResponse:
        codes = await self._factors.regenerate(request.proof)
        return wire.RegenerateRecoveryCodesResponse(recovery_codes=codes)


def _message(held: Held) -> second_factor_pb2.SecondFactors:
    message = second_factor_pb2.SecondFactors(
        required=held.required,
        totp=held.row.totp_secret is not None,
        passkey_required=held.row.passkey_required,
        passkeys=held.passkeys,
        recovery_codes_left=held.codes_left,
    )
    if held.row.totp_since_ms is not None:
        message.totp_since.FromMilliseconds(held.row.totp_since_ms)
    return message
