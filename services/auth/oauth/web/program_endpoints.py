"""The endpoints that programs call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response

from services.auth.keyring import Keyring
from services.auth.oauth import parameters
from services.auth.oauth.client_authentication import prove, read_credentials
from services.auth.oauth.clients import Client
from services.auth.oauth.device_pairing import DevicePairing
from services.auth.oauth.directory import ClientDirectory
from services.auth.oauth.errors import InvalidRequest
from services.auth.oauth.inspection import Inspection
from services.auth.oauth.token_endpoint import TokenEndpoint
from services.auth.oauth.web import requests
from services.auth.oauth.web.answers import answer
from services.auth.oauth.web.metadata import metadata_document
from services.chassis.database import Database

MAX_DEVICE_NAME = 80
_PUBLIC = {"access-control-allow-origin": "*"}


class ProgramEndpoints:
    """RFC 6749, 7009, 7662, 8414 and 8628, as far as programs see them."""

    def __init__(
        self,
        issuer: str,
        *,
        database: Database,
        directory: ClientDirectory,
        tokens: TokenEndpoint,
        pairing: DevicePairing,
        inspection: Inspection,
        keyring: Keyring,
        clock_ms: Callable[[], int],
    ) -> None:
        self._issuer = issuer
        self._database = database
        self._directory = directory
        self._tokens = tokens
        self._pairing = pairing
        self._inspection = inspection
        self._keyring = keyring
        self._clock_ms = clock_ms

    async def metadata(self, request: Request) -> Response:
        """/.well-known/oauth-authorization-server and its like."""
        headers = {"cache-control": "public, max-age=300", **_PUBLIC}
        return answer(metadata_document(self._issuer), headers=headers)

    async def keys(self, request: Request) -> Response:
        """/.well-known/jwks.json."""
        headers = {"cache-control": "public, max-age=60", **_PUBLIC}
        return Response(self._keyring.public_set(), media_type="application/jwk-set+json", headers=headers)

    async def token(self, request: Request) -> Response:
        """/oauth/token."""
        client, form = await self._client_and_form(request)
        return answer(await self._tokens.answer(client, form, requests.peer(request)), headers=_PUBLIC)

    async def device_authorization(self, request: Request) -> Response:
        """/oauth/device_authorization."""
        client, form = await self._client_and_form(request)
        scopes = client.requested(parameters.scopes(form))
        name = _device_name(form.get("device_name", ""))
        begun = await self._pairing.begin(client, scopes, name, requests.peer(request))
        page = f"{self._issuer}/oauth/device"
        return answer(
            {
                "device_code": begun.device_code,
                "user_code": begun.user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={begun.user_code}",
                "expires_in": begun.expires_in_s,
                "interval": begun.interval_s,
            }
        )

    async def revoke(self, request: Request) -> Response:
        """/oauth/revoke: 200 whatever the token was (RFC 7009, section 2.2)."""
        client, form = await self._client_and_form(request)
        await self._inspection.revoke(client, parameters.required(form, "token"))
        return Response(status_code=200, headers={"cache-control": "no-store", **_PUBLIC})

    async def introspect(self, request: Request) -> Response:
        """/oauth/introspect."""
        client, form = await self._client_and_form(request)
        return answer(await self._inspection.introspect(client, parameters.required(form, "token")))

    async def userinfo(self, request: Request) -> Response:
        """/oauth/userinfo."""
        requests.refuse_query(request)
        return answer(
            await self._inspection.userinfo(request.headers.getlist("authorization")), headers=_PUBLIC
        )

    async def _client_and_form(self, request: Request) -> tuple[Client, Mapping[str, str]]:
        requests.refuse_query(request)
        form = await requests.form_of(request)
        shown = request.headers.getlist("authorization")
        if len(shown) > 1:
            raise InvalidRequest("more than one Authorization header")
        credentials = read_credentials(shown[0] if shown else None, form)
        async with self._database.read() as view:
            client = await view.run(self._directory.find, credentials.client_id, self._clock_ms())
        return prove(client, credentials), form


def _device_name(text: str) -> str:
    """What a device calls itself, fit to be shown.

    Raises:
        InvalidRequest: it is not.
    """
    name = " ".join(text.split())
    if len(name) > MAX_DEVICE_NAME or not name.isprintable():
        raise InvalidRequest(f"device_name is longer than {MAX_DEVICE_NAME} characters or not text")
    return name
