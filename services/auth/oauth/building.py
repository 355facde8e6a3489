"""The provider, put together: part of the building that the auth service's `module.py` does."""

from __future__ import annotations

from dataclasses import dataclass

from pulsemesh.auth.v1.api_key_service_pb2_grpc import add_ApiKeyServiceServicer_to_server
from pulsemesh.auth.v1.device_grant_service_pb2_grpc import add_DeviceGrantServiceServicer_to_server
from pulsemesh.auth.v1.oauth_app_service_pb2_grpc import (
    add_AuthorisedAppServiceServicer_to_server,
    add_OAuthAppServiceServicer_to_server,
)
from services.auth.accounts.signing_in_by_password import SigningInByPassword
from services.auth.keeping_sessions import KeepingSessions
from services.auth.keyring import Keyring
from services.auth.oauth.api_keys import ApiKeys
from services.auth.oauth.apps import Apps
from services.auth.oauth.authorised import AuthorisedApps
from services.auth.oauth.authorization_codes import AuthorizationCodes
from services.auth.oauth.browsing import Browsing
from services.auth.oauth.device_pairing import DevicePairing
from services.auth.oauth.directory import ClientDirectory
from services.auth.oauth.first_party import first_party_clients
from services.auth.oauth.housekeeping import OAuthHousekeeping
from services.auth.oauth.inspection import Inspection
from services.auth.oauth.machine_tokens import MachineTokens
from services.auth.oauth.service_clients import load_service_clients
from services.auth.oauth.servicers import (
    ApiKeyServicer,
    AuthorisedAppServicer,
    DeviceGrantServicer,
    OAuthAppServicer,
)
from services.auth.oauth.settings import OAuthSettings
from services.auth.oauth.token_endpoint import TokenEndpoint
from services.auth.oauth.web.app import app, page_routes, program_routes
from services.auth.oauth.web.authorize_page import AuthorizePage
from services.auth.oauth.web.device_page import DevicePage
from services.auth.oauth.web.program_endpoints import ProgramEndpoints
from services.auth.oauth.web.second_proofs import second_proofs_by_code
from services.auth.oauth.web.server import HttpServer
from services.auth.oauth.web.visits import Visits
from services.auth.tokens import TokenIssuer
from services.auth.tools import Tools
from services.chassis.module import RunningModule
from services.chassis.settings import Settings
from services.chassis.settings.model import split_address


@dataclass(frozen=True)
class CoreOfAuth:
    """What the provider stands on.

    Attributes:
        keeping: the use cases of sessions that run.
    """

    settings: Settings
    tools: Tools
    keyring: Keyring
    issuer: TokenIssuer
    keeping: KeepingSessions


def add_oauth(running: RunningModule, core: CoreOfAuth, oauth: OAuthSettings | None = None) -> None:
    """Add the provider to the auth service, where the settings say on which address it listens.

    Raises:
        OSError: the address is taken.
        SettingsError: the file of service clients makes no sense.
    """
    listen = core.settings.auth.http_listen
    if listen is None:
        return
    oauth = oauth or OAuthSettings()
    services = load_service_clients(oauth.service_clients_file)
    host, port = split_address(listen)
    server = HttpServer(
        host, port, shared_port=core.settings.server.workers > 1, trusted_proxies=oauth.trusted_proxies
    )
    public_url = (core.settings.auth.public_url or f"http://{server.address}").rstrip("/")
    tools, clock_ms = core.tools, core.tools.clock_ms
    directory = ClientDirectory(first_party_clients(public_url), services)
    pairing = DevicePairing(tools.database, tools.vault, directory, core.issuer, clock_ms)
    codes = AuthorizationCodes(tools.database, core.issuer, clock_ms)
    keys = ApiKeys(tools.database, clock_ms)
    endpoints = ProgramEndpoints(
        public_url,
        database=tools.database,
        directory=directory,
        tokens=TokenEndpoint(
            database=tools.database,
            issuer=core.issuer,
            codes=codes,
            pairing=pairing,
            keeping=core.keeping,
            machines=MachineTokens(core.issuer),
            keys=keys,
        ),
        pairing=pairing,
        inspection=Inspection(
            tools.database, core.keyring, token_issuer=core.settings.issuer, clock_ms=clock_ms
        ),
        keyring=core.keyring,
        clock_ms=clock_ms,
    )
    browsing = Browsing(tools.database, tools.vault, clock_ms)
    visits = Visits(public_url, browsing, SigningInByPassword(tools), second_proofs_by_code(tools))
    authorize = AuthorizePage(
        public_url,
        visits=visits,
        database=tools.database,
        directory=directory,
        codes=codes,
        clock_ms=clock_ms,
    )
    device = DevicePage(visits=visits, database=tools.database, pairing=pairing)
    server.app = app([*program_routes(endpoints), *page_routes(visits, authorize, device)])
    running.servicers += [
        (add_DeviceGrantServiceServicer_to_server, DeviceGrantServicer(pairing, public_url)),
        (add_ApiKeyServiceServicer_to_server, ApiKeyServicer(keys)),
        (add_OAuthAppServiceServicer_to_server, OAuthAppServicer(Apps(tools.database, clock_ms))),
        (
            add_AuthorisedAppServiceServicer_to_server,
            AuthorisedAppServicer(AuthorisedApps(tools.database, directory, clock_ms)),
        ),
    ]
    running.background += [server, OAuthHousekeeping(tools.database, browsing, clock_ms)]
    _close_with(running, server)


def _close_with(running: RunningModule, server: HttpServer) -> None:
    close_before = running.on_close

    async def close() -> None:
        server.close()
        await close_before()

    running.on_close = close
