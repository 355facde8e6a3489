"""/oauth/token: grants become tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from services.auth.errors import SessionOver
from services.auth.keeping_sessions import KeepingSessions
from services.auth.oauth import answers, parameters
from services.auth.oauth.api_keys import ApiKeys
from services.auth.oauth.authorization_codes import AuthorizationCodes
from services.auth.oauth.clients import CLIENT, CODE, DEVICE, GRANTS, REFRESH, Client
from services.auth.oauth.device_pairing import DevicePairing
from services.auth.oauth.errors import InvalidGrant, InvalidScope, OAuthError, UnauthorizedClient
from services.auth.oauth.http_calls import call_from
from services.auth.oauth.machine_tokens import PARTNER_KIND, MachineTokens
from services.auth.secret_tokens import fingerprint
from services.auth.store import sessions as session_store
from services.auth.tokens import TokenIssuer
from services.chassis.database import Database


class TokenEndpoint:
    """Every grant type, for clients that proved which one they are."""

    def __init__(
        self,
        *,
        database: Database,
        issuer: TokenIssuer,
        codes: AuthorizationCodes,
        pairing: DevicePairing,
        keeping: KeepingSessions,
        machines: MachineTokens,
        keys: ApiKeys,
    ) -> None:
        self._database = database
        self._issuer = issuer
        self._codes = codes
        self._pairing = pairing
        self._keeping = keeping
        self._machines = machines
        self._keys = keys

    async def answer(self, client: Client, form: Mapping[str, str], peer: str) -> dict[str, Any]:
        """The tokens that a request gets.

        Raises:
            OAuthError: none.
        """
        grant_type = parameters.required(form, "grant_type")
        if grant_type not in GRANTS:
            raise OAuthError("unsupported_grant_type", "the grant type is not one of the metadata")
        if grant_type not in client.grants:
            raise UnauthorizedClient
        if grant_type == CODE:
            return await self._codes.redeem(
                client,
                parameters.required(form, "code"),
                redirect_uri=parameters.required(form, "redirect_uri"),
                verifier=parameters.required(form, "code_verifier"),
                peer=peer,
            )
        if grant_type == DEVICE:
            return await self._pairing.redeem(client, parameters.required(form, "device_code"), peer)
        if grant_type == REFRESH:
            return await self._refresh(client, form, peer)
        assert grant_type == CLIENT
        answer = self._machines.of_service(client, parameters.scopes(form))
        if client.kind == PARTNER_KIND:
            await self._keys.note_use(client.client_id)
        return answer

    async def _refresh(self, client: Client, form: Mapping[str, str], peer: str) -> dict[str, Any]:
        token = parameters.required(form, "refresh_token")
        names = parameters.scopes(form)
        if names is not None:
            # Before the token is used up, for a request that is refused changes nothing.
            async with self._database.write() as transaction:
                allowed = await transaction.run(_scopes_of, token, client.client_id)
            if not frozenset(names) <= allowed:
                raise InvalidScope("a scope beyond what was granted")
        try:
            with call_from(peer):
                opened, _ = await self._keeping.refresh(token, client_id=client.client_id)
        except SessionOver:
            raise InvalidGrant from None
        scopes = opened.session.scopes & client.scopes
        return answers.token_answer(opened, self._issuer, scopes if names is None else names)


def _scopes_of(conn: Connection, refresh_token: str, client_id: str) -> frozenset[str]:
    found = session_store.lock_by_token(conn, fingerprint(refresh_token))
    if found is None or found[0].client_id != client_id:
        raise InvalidGrant
    return found[0].scopes
