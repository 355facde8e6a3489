"""OAuthAppService and AuthorisedAppService."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import oauth_app_pb2
from pulsemesh.auth.v1 import oauth_app_service_pb2 as wire
from pulsemesh.auth.v1 import oauth_app_service_pb2_grpc as stubs
from services.auth.oauth.apps import Apps, etag
from services.auth.oauth.authorised import Authorised, AuthorisedApps
from services.auth.oauth.store.apps import App
from services.chassis.call import current_call

_Context = grpc.aio.ServicerContext[object, object]


class OAuthAppServicer(stubs.OAuthAppServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, apps: Apps) -> None:
        self._apps = apps

    async def RegisterApp(
        self, request: wire.RegisterAppRequest, context: _Context
    ) -> wire.RegisterAppResponse:
        app, secret = await self._apps.register(_caller(), request)
        current_call().note(client_id=app.client_id)
        return wire.RegisterAppResponse(app=_app(app), client_secret=secret)

    async def ListApps(self, request: wire.ListAppsRequest, context: _Context) -> wire.ListAppsResponse:
        return wire.ListAppsResponse(apps=map(_app, await self._apps.of_owner(_caller())))

    async def UpdateApp(self, request: wire.UpdateAppRequest, context: _Context) -> wire.UpdateAppResponse:
        current_call().note(client_id=request.client_id)
        return wire.UpdateAppResponse(app=_app(await self._apps.update(_caller(), request)))

    async def RotateAppSecret(
        self, request: wire.RotateAppSecretRequest, context: _Context
    ) -> wire.RotateAppSecretResponse:
        current_call().note(client_id=request.client_id)
        secret = await self._apps.rotate_secret(_caller(), request.client_id, at_once=request.at_once)
        return wire.RotateAppSecretResponse(client_secret=secret)

    async def DeleteApp(self, request: wire.DeleteAppRequest, context: _Context) -> wire.DeleteAppResponse:
        current_call().note(client_id=request.client_id)
        await self._apps.delete(_caller(), request.client_id)
        return wire.DeleteAppResponse()

    async def SuspendApp(self, request: wire.SuspendAppRequest, context: _Context) -> wire.SuspendAppResponse:
        current_call().note(client_id=request.client_id, suspended=str(request.suspended).lower())
        app = await self._apps.suspend(request.client_id, suspended=request.suspended)
        return wire.SuspendAppResponse(app=_app(app))


class AuthorisedAppServicer(stubs.AuthorisedAppServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, authorised: AuthorisedApps) -> None:
        self._authorised = authorised

    async def ListAuthorisedApps(
        self, request: wire.ListAuthorisedAppsRequest, context: _Context
    ) -> wire.ListAuthorisedAppsResponse:
        found = await self._authorised.of_person(_caller())
        return wire.ListAuthorisedAppsResponse(apps=map(_authorised, found))

    async def WithdrawApp(
        self, request: wire.WithdrawAppRequest, context: _Context
    ) -> wire.WithdrawAppResponse:
        current_call().note(client_id=request.client_id)
        ended = await self._authorised.withdraw(_caller(), request.client_id)
        return wire.WithdrawAppResponse(ended_sessions=ended)


def _caller() -> str:
    return current_call().principal.user_id


def _app(app: App) -> oauth_app_pb2.OAuthApp:
    message = oauth_app_pb2.OAuthApp(
        client_id=app.client_id,
        name=app.name,
        homepage=app.homepage,
        confidential=app.confidential,
        redirect_uris=app.redirect_uris,
        scopes=sorted(app.scopes),
        suspended=app.suspended_ms is not None,
        etag=etag(app),
    )
    message.created_at.FromMilliseconds(app.created_ms)
    return message


def _authorised(one: Authorised) -> oauth_app_pb2.AuthorisedApp:
    client = one.client
    message = oauth_app_pb2.AuthorisedApp(
        client_id=one.grant.client_id,
        name=client.name if client is not None else one.grant.client_id,
        first_party=client is not None and client.first_party,
        homepage=client.homepage if client is not None else "",
        scopes=sorted(one.grant.scopes),
    )
    message.granted_at.FromMilliseconds(one.grant.granted_ms)
    if one.used_ms is not None:
        message.last_used_at.FromMilliseconds(one.used_ms // 60_000 * 60_000)
    return message
