"""Passkeys: for programs that can ask a device for them, such as what serves a page or an app."""

from __future__ import annotations

from pulsemesh.auth.v1 import passkey_pb2, passkey_service_pb2_grpc
from pulsemesh.auth.v1 import passkey_service_pb2 as wire
from pulsemesh.auth.v1.second_factor_pb2 import OwnerProof
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.credentials import SessionTokens

__all__ = ["Passkeys"]


class Passkeys:
    """The passkeys of the person who is signed in, or is about to be.

    The JSON is what `navigator.credentials` takes and gives.
    """

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = passkey_service_pb2_grpc.PasskeyServiceStub(channel.for_stub())
        self._anyone = passkey_service_pb2_grpc.PasskeyServiceStub(anonymous.for_stub())

    async def begin_registration(self, proof: OwnerProof) -> wire.BeginRegistrationResponse:
        """Begin to make a passkey."""
        return await self._stub.BeginRegistration(wire.BeginRegistrationRequest(proof=proof))

    async def finish_registration(
        self, registration: str, credential_json: str, name: str
    ) -> passkey_pb2.Passkey:
        """Keep the passkey that a device made, under a name of one's own."""
        request = wire.FinishRegistrationRequest(
            registration=registration, credential_json=credential_json, name=name
        )
        return (await self._stub.FinishRegistration(request)).passkey

    async def list(self) -> list[passkey_pb2.Passkey]:
        """Return one's passkeys, the oldest first."""
        return list((await self._stub.ListPasskeys(wire.ListPasskeysRequest())).passkeys)

    async def rename(self, passkey_id: str, name: str) -> passkey_pb2.Passkey:
        """Call a passkey something else."""
        request = wire.RenamePasskeyRequest(passkey_id=passkey_id, name=name)
        return (await self._stub.RenamePasskey(request)).passkey

    async def delete(self, passkey_id: str, proof: OwnerProof) -> bool:
        """Forget a passkey; False when there was none. The last way in stays: `FailedPrecondition`."""
        request = wire.DeletePasskeyRequest(passkey_id=passkey_id, proof=proof)
        return (await self._stub.DeletePasskey(request)).deleted

    async def begin_sign_in(self, challenge: str = "") -> wire.BeginPasskeySignInResponse:
        """Begin to sign in: by a passkey alone, or with the challenge of `SecondFactorNeeded`."""
        return await self._anyone.BeginPasskeySignIn(wire.BeginPasskeySignInRequest(challenge=challenge))

    async def finish_sign_in(
        self, sign_in: str, credential_json: str, *, device_name: str = "", client_id: str = ""
    ) -> SessionTokens:
        """Sign in by what the device signed."""
        request = wire.FinishPasskeySignInRequest(
            sign_in=sign_in, credential_json=credential_json, device_name=device_name, client_id=client_id
        )
        return SessionTokens.of((await self._anyone.FinishPasskeySignIn(request)).tokens)
