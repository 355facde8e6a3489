"""What the consent service is: its servicer, tables and background work. The only builder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pulsemesh.consent.v1 import personal_data_service_pb2
from pulsemesh.consent.v1.consent_service_pb2_grpc import add_ConsentServiceServicer_to_server
from pulsemesh.consent.v1.personal_data_service_pb2_grpc import add_PersonalDataServiceServicer_to_server
from pulsemesh.consent.v1.rights_service_pb2_grpc import add_RightsServiceServicer_to_server
from services.chassis.module import ModuleContext, RunningModule
from services.chassis.personal_data import PersonalData, personal_data_servicer
from services.consent.changes import ChangeFeed
from services.consent.housekeeping import Housekeeping
from services.consent.receipts.keys import load_or_create
from services.consent.receipts.record import Controller
from services.consent.registrar import Registrar
from services.consent.rights import store as rights_store
from services.consent.rights.domains import Domain, domains
from services.consent.rights.following import deletion_consumer
from services.consent.rights.worker import Pace, RightsWorker
from services.consent.rules.deciding import Decider
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.texts import texts
from services.consent.servicers import ConsentServicer, RightsServicer
from services.consent.settings import ConsentSettings
from services.consent.tables import metadata

_HOUR_MS = 3_600_000
_SPARING = {"rights_requests": rights_store.at_work_erasing()}


class ConsentModule:
    """See `services.chassis.module.Module`."""

    name = "consent"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    def __init__(self, settings: Callable[[], ConsentSettings] = ConsentSettings) -> None:
        """`settings` are read when the domain starts, not when it is imported."""
        self._settings = settings

    async def start(self, context: ModuleContext) -> RunningModule:
        """Build the domain; a text or a rule that is not as it must be keeps it from starting."""
        database, clock_ms = context.database(self.name), context.clock_ms
        settings = self._settings()
        registrar = Registrar(
            Decider(jurisdictions(), texts()),
            load_or_create(context.settings.data_dir, settings.receipt_key_file),
            Controller(settings.controller, settings.controller_contact),
        )
        feed = ChangeFeed(database, clock_ms, settings.feed_poll_s)
        servicer = ConsentServicer(database, registrar, feed, context.consent, clock_ms)
        grace_ms = int(settings.erasure_grace_h * _HOUR_MS)
        rights = RightsServicer(database, context.consent, clock_ms, grace_ms)
        data = PersonalData(self.name, metadata, database, sparing=_SPARING)
        worker = RightsWorker(
            database,
            [Domain(name, context.channel) for name in domains()],
            context.bus,
            clock_ms,
            Pace(
                settings.erasure_settling_s,
                settings.rights_poll_s,
                int(settings.exports_kept_h * _HOUR_MS),
            ),
            scratch=context.settings.data_dir / "exports-being-made",
        )
        return RunningModule(
            servicers=[
                (add_ConsentServiceServicer_to_server, servicer),
                (add_RightsServiceServicer_to_server, rights),
                (
                    add_PersonalDataServiceServicer_to_server,
                    personal_data_servicer(data, personal_data_service_pb2),
                ),
            ],
            consumers=[deletion_consumer(database, clock_ms)],
            background=[feed, Housekeeping(database, clock_ms, settings.answers_kept_h), worker],
        )


module = ConsentModule()
