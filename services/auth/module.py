"""What the auth service is. Until people have sessions it holds the development issuer, where that is on."""

from __future__ import annotations

from pathlib import Path

from pulsemesh.auth.v1.account_service_pb2_grpc import (
    AccountServiceServicer,
    add_AccountServiceServicer_to_server,
)
from pulsemesh.auth.v1.development_issuer_service_pb2_grpc import (
    add_DevelopmentIssuerServiceServicer_to_server,
)
from services.auth.issuer import DevelopmentIssuer
from services.auth.servicers import DevelopmentIssuerServicer
from services.auth.tables import metadata
from services.chassis.module import ModuleContext, RunningModule


class AuthModule:
    """See `services.chassis.module.Module`."""

    name = "auth"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    async def start(self, context: ModuleContext) -> RunningModule:
        """Start the services of the domain."""
        settings = context.settings
        running = RunningModule(servicers=[(add_AccountServiceServicer_to_server, AccountServiceServicer())])
        if not settings.issues_development_tokens:
            return running
        issuer = DevelopmentIssuer(settings.data_dir, cell=settings.cell, issuer=settings.issuer)
        servicer = DevelopmentIssuerServicer(issuer)
        running.servicers.append((add_DevelopmentIssuerServiceServicer_to_server, servicer))
        return running


module = AuthModule()
