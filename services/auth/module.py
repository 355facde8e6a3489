"""What the auth service is. Until people have sessions it holds the development issuer, where that is on."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData

from pulsemesh.auth.v1.development_issuer_service_pb2_grpc import (
    add_DevelopmentIssuerServiceServicer_to_server,
)
from services.auth.issuer import DevelopmentIssuer
from services.auth.servicers import DevelopmentIssuerServicer
from services.chassis.module import ModuleContext, RunningModule


class AuthModule:
    """See `services.chassis.module.Module`."""

    name = "auth"
    metadata = MetaData()
    migrations: Path | None = None

    async def start(self, context: ModuleContext) -> RunningModule:
        """Start the services of the domain."""
        settings = context.settings
        if not settings.issues_development_tokens:
            return RunningModule()
        issuer = DevelopmentIssuer(settings.data_dir, cell=settings.cell, issuer=settings.issuer)
        servicer = DevelopmentIssuerServicer(issuer)
        return RunningModule(servicers=[(add_DevelopmentIssuerServiceServicer_to_server, servicer)])


module = AuthModule()
