"""PasskeyService: signing in by passkeys, and keeping them."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from pulsemesh.auth.v1 import passkey_pb2
from pulsemesh.auth.v1 import passkey_service_pb2 as wire
from pulsemesh.auth.v1 import passkey_service_pb2_grpc as stubs
from services.auth.passkeys.keeping import Passkeys
from services.auth.passkeys.signing_in import SigningInByPasskey
from services.auth.passkeys.store import PasskeyRow
from services.auth.tokens import TokenIssuer
from services.auth.wire import tokens_message

_Context = grpc.aio.ServicerContext[object, object]


class PasskeyServicer(stubs.PasskeyServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, passkeys: Passkeys, signing_in: SigningInByPasskey, issuer: TokenIssuer) -> None:
        self._passkeys = passkeys
        self._signing_in = signing_in
        self._issuer = issuer

    async def BeginRegistration(
        self, request: wire.BeginRegistrationRequest, context: _Context
    ) -> wire.BeginRegistrationResponse:
        begun = await self._passkeys.begin(request.proof)
        return wire.BeginRegistrationResponse(
            registration=begun.ceremony, options_json=begun.options_json, expires_at=_time(begun.expires_ms)
        )

    async def FinishRegistration(
        self, request: wire.FinishRegistrationRequest, context: _Context
    ) -> wire.FinishRegistrationResponse:
        made = await self._passkeys.finish(request.registration, request.credential_json, request.name)
        return wire.FinishRegistrationResponse(passkey=_message(made))

    async def ListPasskeys(
        self, request: wire.ListPasskeysRequest, context: _Context
    ) -> wire.ListPasskeysResponse:
        found = await self._passkeys.list_of_caller()
        return wire.ListPasskeysResponse(passkeys=[_message(each) for each in found])

    async def RenamePasskey(
        self, request: wire.RenamePasskeyRequest, context: _Context
    ) -> wire.RenamePasskeyResponse:
        renamed = await self._passkeys.rename(request.passkey_id, request.name)
        return wire.RenamePasskeyResponse(passkey=_message(renamed))

    async def DeletePasskey(
        self, request: wire.DeletePasskeyRequest, context: _Context
    ) -> wire.DeletePasskeyResponse:
        deleted = await self._passkeys.delete(request.passkey_id, request.proof)
        return wire.DeletePasskeyResponse(deleted=deleted)

    async def BeginPasskeySignIn(
        self, request: wire.BeginPasskeySignInRequest, context: _Context
    ) -> wire.BeginPasskeySignInResponse:
        begun = await self._signing_in.begin(request.challenge)
        return wire.BeginPasskeySignInResponse(
            sign_in=begun.ceremony, options_json=begun.options_json, expires_at=_time(begun.expires_ms)
        )

    async def FinishPasskeySignIn(
        self, request: wire.FinishPasskeySignInRequest, context: _Context
    ) -> wire.FinishPasskeySignInResponse:
        signed_in = await self._signing_in.finish(request)
        tokens = tokens_message(signed_in.opened, self._issuer, signed_in.roles)
        return wire.FinishPasskeySignInResponse(tokens=tokens)


def _message(passkey: PasskeyRow) -> passkey_pb2.Passkey:
    message = passkey_pb2.Passkey(
        passkey_id=passkey.passkey_id,
        name=passkey.name,
        may_be_backed_up=passkey.may_be_backed_up,
        backed_up=passkey.backed_up,
        aaguid=passkey.aaguid,
    )
    message.created_at.FromMilliseconds(passkey.created_ms)
    if passkey.used_ms is not None:
        message.last_used_at.FromMilliseconds(passkey.used_ms)
    return message


def _time(milliseconds: int) -> Timestamp:
    time = Timestamp()
    time.FromMilliseconds(milliseconds)
    return time
