"""Second proofs at sign-in: codes of an app, and recovery codes."""

from __future__ import annotations

from pulsemesh.auth.v1 import second_factor_pb2, second_factor_service_pb2_grpc
from pulsemesh.auth.v1 import second_factor_service_pb2 as wire
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.credentials import SessionTokens

__all__ = ["SecondFactors", "owner_proof"]


def owner_proof(
    *, password: str = "", totp_code: str = "", recovery_code: str = ""
) -> second_factor_pb2.OwnerProof:
    """Return the proof that one owns the account: whichever is given, or none.

    With a second factor it takes a code, without one the password; neither where one signed in just now in
    that way.
    """
    if totp_code:
        return second_factor_pb2.OwnerProof(totp_code=totp_code)
    if recovery_code:
        return second_factor_pb2.OwnerProof(recovery_code=recovery_code)
    return second_factor_pb2.OwnerProof(password=password)


class SecondFactors:
    """The second proofs of the person who is signed in, or is about to be."""

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = second_factor_service_pb2_grpc.SecondFactorServiceStub(channel.for_stub())
        self._anyone = second_factor_service_pb2_grpc.SecondFactorServiceStub(anonymous.for_stub())

    async def complete(
        self, challenge: str, *, totp_code: str = "", recovery_code: str = ""
    ) -> SessionTokens:
        """End a sign-in that raised `SecondFactorNeeded`, by one of the two codes."""
        request = wire.CompleteSignInRequest(challenge=challenge)
        if recovery_code:
            request.recovery_code = recovery_code
        else:
            request.totp_code = totp_code
        return SessionTokens.of((await self._anyone.CompleteSignIn(request)).tokens)

    async def get(self) -> second_factor_pb2.SecondFactors:
        """Return what one has set up."""
        return (await self._stub.GetSecondFactors(wire.GetSecondFactorsRequest())).second_factors

    async def begin_totp(self, proof: second_factor_pb2.OwnerProof) -> wire.BeginTotpResponse:
        """Make a secret for an app; `confirm_totp` sets it up."""
        return await self._stub.BeginTotp(wire.BeginTotpRequest(proof=proof))

    async def confirm_totp(self, code: str) -> list[str]:
        """Set up the app that shows the code; returns recovery codes to keep, if one had none."""
        answer = await self._stub.ConfirmTotp(wire.ConfirmTotpRequest(code=code))
        return list(answer.recovery_codes)

    async def disable_totp(self, proof: second_factor_pb2.OwnerProof) -> second_factor_pb2.SecondFactors:
        """Forget the app."""
        return (await self._stub.DisableTotp(wire.DisableTotpRequest(proof=proof))).second_factors

    async def require_passkey(self, required: bool, proof: second_factor_pb2.OwnerProof) -> list[str]:
        """Say whether passkeys are asked for beside the password; returns recovery codes to keep, if one had
        none.
        """
        request = wire.RequirePasskeyRequest(required=required, proof=proof)
        return list((await self._stub.RequirePasskey(request)).recovery_codes)

    async def regenerate_recovery_codes(self, proof: second_factor_pb2.OwnerProof) -> list[str]:
        """Make ten other recovery codes; the earlier ones are void."""
        request = wire.RegenerateRecoveryCodesRequest(proof=proof)
        return list((await self._stub.RegenerateRecoveryCodes(request)).recovery_codes)
