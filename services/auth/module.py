"""What the auth service is: accounts, sessions, keys; and the development issuer, where that is on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pulsemesh.auth.v1.account_service_pb2_grpc import add_AccountServiceServicer_to_server
from pulsemesh.auth.v1.delegation_service_pb2_grpc import add_DelegationServiceServicer_to_server
from pulsemesh.auth.v1.development_issuer_service_pb2_grpc import (
    add_DevelopmentIssuerServiceServicer_to_server,
)
from pulsemesh.auth.v1.key_service_pb2_grpc import add_KeyServiceServicer_to_server
from pulsemesh.auth.v1.personal_data_service_pb2_grpc import add_PersonalDataServiceServicer_to_server
from pulsemesh.auth.v1.session_service_pb2_grpc import add_SessionServiceServicer_to_server
from pulsemesh.auth.v1.staff_service_pb2_grpc import add_StaffServiceServicer_to_server
from services.auth import assembly
from services.auth.accounts.changing import Changing
from services.auth.accounts.owner import Owner
from services.auth.accounts.resetting import Resetting
from services.auth.accounts.signing_in_by_password import SigningInByPassword
from services.auth.accounts.signing_up import SigningUp
from services.auth.delegation.certified import ServiceTokens
from services.auth.delegation.exchanging import Exchanging
from services.auth.delegation.servicer import DelegationServicer
from services.auth.further_ways import further_ways
from services.auth.housekeeping import Housekeeping
from services.auth.issuer import DevelopmentIssuer
from services.auth.keeping_sessions import KeepingSessions
from services.auth.keyring import KeyKeeper, Keyring, Rotation
from services.auth.mail.outbox import MailOutbox
from services.auth.mail.sending import MailSender
from services.auth.oauth.building import CoreOfAuth, add_oauth
from services.auth.personal_data import personal_data
from services.auth.revoking import RevocationFeed
from services.auth.servicers import (
    AccountServicer,
    DevelopmentIssuerServicer,
    KeyServicer,
    SessionServicer,
)
from services.auth.settings import IdentitySettings
from services.auth.sign_in_settings import SignInSettings
from services.auth.staff.servicer import StaffServicer
from services.auth.tables import metadata
from services.auth.tokens import TokenIssuer
from services.auth.tools import Tools
from services.auth.totp.owning import OwnerProofs
from services.chassis.module import ModuleContext, RunningModule

_DAY_MS = 86_400_000


class AuthModule:
    """See `services.chassis.module.Module`."""

    name = "auth"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    def __init__(
        self,
        settings: Callable[[], IdentitySettings] = IdentitySettings,
        sign_in: Callable[[], SignInSettings] = SignInSettings,
    ) -> None:
        """Settings are read when the domain starts, not when it is imported."""
        self._settings = settings
        self._sign_in = sign_in

    async def start(self, context: ModuleContext) -> RunningModule:
        """Start the services of the domain.

        Raises:
            SettingsError: production has no key-encryption key.
        """
        identity = self._settings()
        tools = _tools(context, identity)
        keyring = Keyring(tools.database, tools.vault, tools.clock_ms, rotation(identity))
        await keyring.load()
        issuer = TokenIssuer(
            keyring,
            issuer=context.settings.issuer,
            clock_ms=tools.clock_ms,
            lifetime_s=identity.access_token_s,
        )
        owner = Owner(tools)
        owners = OwnerProofs(tools, owner)
        ways = further_ways(tools, owners, issuer, self._sign_in())
        resetting = Resetting(tools, ways.providers)
        changing = Changing(tools, owner, owners)
        accounts = AccountServicer(SigningUp(tools), resetting, changing, issuer)
        keeping = KeepingSessions(tools.database, tools.mail, tools.clock_ms)
        sessions = SessionServicer(SigningInByPassword(tools), keeping, issuer)
        keys = KeyServicer(keyring, RevocationFeed(tools.database, tools.clock_ms))
        mailer = assembly.mailer(context.settings, identity)

        async def close() -> None:
            tools.passwords.close()
            await tools.breaches.close()
            await ways.close()

        running = RunningModule(
            servicers=[
                (add_AccountServiceServicer_to_server, accounts),
                (add_SessionServiceServicer_to_server, sessions),
                (add_KeyServiceServicer_to_server, keys),
                (add_PersonalDataServiceServicer_to_server, personal_data(tools.database, tools.clock_ms)),
                (add_StaffServiceServicer_to_server, StaffServicer(tools.database, tools.clock_ms)),
                (
                    add_DelegationServiceServicer_to_server,
                    DelegationServicer(
                        Exchanging(issuer, context.authenticator), ServiceTokens(issuer, context.cell)
                    ),
                ),
                *ways.servicers,
            ],
            background=[
                KeyKeeper(keyring),
                Housekeeping(tools.database, tools.clock_ms),
                MailSender(tools.database, tools.mail, mailer, tools.clock_ms, resetting.answer),
            ],
            on_close=close,
        )
        _add_development_issuer(running, context)
        add_oauth(running, CoreOfAuth(context.settings, tools, keyring, issuer, keeping))
        return running


def rotation(identity: IdentitySettings) -> Rotation:
    """When signing keys follow each other, by settings."""
    return Rotation(
        every_ms=round(identity.key_rotation_days * _DAY_MS),
        ahead_ms=round(identity.key_publish_ahead_s * 1000),
        token_ms=identity.access_token_s * 1000,
    )


def _tools(context: ModuleContext, identity: IdentitySettings) -> Tools:
    vault = assembly.vault(context.settings, identity)
    return Tools(
        cell=context.cell,
        database=context.database("auth"),
        vault=vault,
        passwords=assembly.passwords(identity),
        breaches=assembly.breached_passwords(identity),
        mail=MailOutbox(vault),
        clock_ms=context.clock_ms,
        cells=identity.cells,
        link=identity.mail_link,
    )


def _add_development_issuer(running: RunningModule, context: ModuleContext) -> None:
    settings = context.settings
    if settings.issues_development_tokens:
        issuer = DevelopmentIssuer(settings.data_dir, cell=settings.cell, issuer=settings.issuer)
        servicer = DevelopmentIssuerServicer(issuer)
        running.servicers.append((add_DevelopmentIssuerServiceServicer_to_server, servicer))


module = AuthModule()
