"""What the profile service is: its servicers, tables and background work. The only builder."""

from __future__ import annotations

from pathlib import Path

from pulsemesh.profile.v1 import personal_data_service_pb2
from pulsemesh.profile.v1.avatar_service_pb2_grpc import add_AvatarServiceServicer_to_server
from pulsemesh.profile.v1.personal_data_service_pb2_grpc import add_PersonalDataServiceServicer_to_server
from pulsemesh.profile.v1.physiology_service_pb2_grpc import add_PhysiologyServiceServicer_to_server
from pulsemesh.profile.v1.privacy_service_pb2_grpc import add_PrivacyServiceServicer_to_server
from pulsemesh.profile.v1.profile_service_pb2_grpc import add_ProfileServiceServicer_to_server
from services.chassis.consumer import Consumer
from services.chassis.module import ModuleContext, RunningModule
from services.chassis.personal_data import PersonalData, personal_data_servicer
from services.chassis.privacy import NobodyKnows, Relations
from services.profile.eyes import Eyes
from services.profile.gear.assembly import add_gear
from services.profile.housekeeping import Housekeeping
from services.profile.physiology import THRESHOLDS_CHANGED, follow_thresholds
from services.profile.servicers import (
    AvatarServicer,
    PhysiologyServicer,
    PrivacyServicer,
    ProfileServicer,
)
from services.profile.tables import metadata
from services.profile.welcoming import ACCOUNT_CREATED, welcome


class ProfileModule:
    """See `services.chassis.module.Module`."""

    name = "profile"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    def __init__(self, relations: Relations | None = None) -> None:
        """Without `relations` everyone is a stranger to everybody else."""
        self._relations = relations or NobodyKnows()

    async def start(self, context: ModuleContext) -> RunningModule:
        """Build the domain."""
        database, clock_ms = context.database(self.name), context.clock_ms
        eyes = Eyes(database, self._relations, context.consent)
        running = RunningModule(
            servicers=[
                (add_ProfileServiceServicer_to_server, ProfileServicer(database, eyes, clock_ms)),
                (add_AvatarServiceServicer_to_server, AvatarServicer(database, eyes, clock_ms)),
                (add_PhysiologyServiceServicer_to_server, PhysiologyServicer(database, clock_ms)),
                (
                    add_PersonalDataServiceServicer_to_server,
                    personal_data_servicer(
                        PersonalData(self.name, metadata, database), personal_data_service_pb2
                    ),
                ),
                (add_PrivacyServiceServicer_to_server, PrivacyServicer(database, clock_ms)),
            ],
            consumers=[
                Consumer("profile.accounts", [ACCOUNT_CREATED], welcome, database),
                Consumer("profile.thresholds", [THRESHOLDS_CHANGED], follow_thresholds, database),
            ],
            background=[Housekeeping(database, clock_ms)],
        )
        add_gear(running, context)
        return running


module = ProfileModule()
