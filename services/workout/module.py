"""What the workout service is: its servicers, tables and background work. The only builder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pulsemesh.workout.v1.analysis_service_pb2_grpc import add_AnalysisServiceServicer_to_server
from pulsemesh.workout.v1.athlete_service_pb2_grpc import add_AthleteServiceServicer_to_server
from pulsemesh.workout.v1.comparison_service_pb2_grpc import add_ComparisonServiceServicer_to_server
from pulsemesh.workout.v1.duplicate_service_pb2_grpc import add_DuplicateServiceServicer_to_server
from pulsemesh.workout.v1.export_service_pb2_grpc import add_ExportServiceServicer_to_server
from pulsemesh.workout.v1.file_service_pb2_grpc import add_FileServiceServicer_to_server
from pulsemesh.workout.v1.ingest_service_pb2_grpc import add_IngestServiceServicer_to_server
from pulsemesh.workout.v1.personal_data_service_pb2_grpc import add_PersonalDataServiceServicer_to_server
from pulsemesh.workout.v1.recording_service_pb2_grpc import add_RecordingServiceServicer_to_server
from pulsemesh.workout.v1.revision_service_pb2_grpc import add_RevisionServiceServicer_to_server
from pulsemesh.workout.v1.segment_service_pb2_grpc import add_SegmentServiceServicer_to_server
from pulsemesh.workout.v1.shared_workout_service_pb2_grpc import add_SharedWorkoutServiceServicer_to_server
from pulsemesh.workout.v1.workout_service_pb2_grpc import add_WorkoutServiceServicer_to_server
from pulsemesh.workout.v1.workout_state_service_pb2_grpc import add_WorkoutStateServiceServicer_to_server
from services.chassis.consumer import Consumer
from services.chassis.module import ModuleContext, RunningModule
from services.chassis.privacy import NobodyKnows, Relations, ServicePrivacy
from services.chassis.privacy.source import CHANGED as PRIVACY_CHANGED
from services.workout.analysis.analyst import Analyst
from services.workout.athletes.following import physiology_consumer
from services.workout.consents import withdrawal as consents
from services.workout.exporting.personal_data import personal_data
from services.workout.housekeeping import Housekeeping
from services.workout.ingest.assembly import assemble
from services.workout.routes.placing import RoutePlacer
from services.workout.segments.finder import SegmentFinder
from services.workout.servicers import (
    AnalysisServicer,
    AthleteServicer,
    DuplicateServicer,
    ExportServicer,
    FileServicer,
    RecordingServicer,
    RevisionServicer,
    WorkoutServicer,
)
from services.workout.servicers.comparison import ComparisonServicer
from services.workout.servicers.segments import SegmentServicer
from services.workout.servicers.states import WorkoutStateServicer
from services.workout.settings import WorkoutSettings
from services.workout.shared.servicer import SharedWorkoutServicer
from services.workout.shared.sight import Sights
from services.workout.tables import metadata


class WorkoutModule:
    """See `services.chassis.module.Module`."""

    name = "workout"
    metadata = metadata
    migrations: Path | None = Path(__file__).parent / "migrations"

    def __init__(
        self,
        settings: Callable[[], WorkoutSettings] = WorkoutSettings,
        relations: Relations | None = None,
    ) -> None:
        """`settings` are read when the domain starts, not when it is imported.

        Without `relations` everyone is a stranger to everybody else.
        """
        self._settings = settings
        self._relations = relations or NobodyKnows()

    async def start(self, context: ModuleContext) -> RunningModule:
        """Build the domain."""
        database, live, clock_ms = context.database(self.name), context.live, context.clock_ms
        settings, consent = self._settings(), context.consent
        analyst = Analyst(database, clock_ms, consent=consent)
        privacy = ServicePrivacy(lambda: context.channel("profile"), context.cache)
        ingest = assemble(database, live, clock_ms, settings, consent)
        return RunningModule(
            servicers=[
                (add_IngestServiceServicer_to_server, ingest.servicer),
                (
                    add_RecordingServiceServicer_to_server,
                    RecordingServicer(database, live, clock_ms, consent),
                ),
                (add_WorkoutServiceServicer_to_server, WorkoutServicer(database, clock_ms, consent)),
                (add_AnalysisServiceServicer_to_server, AnalysisServicer(database, analyst)),
                (add_AthleteServiceServicer_to_server, AthleteServicer(database, clock_ms)),
                (add_FileServiceServicer_to_server, FileServicer(database, clock_ms)),
                (add_ExportServiceServicer_to_server, ExportServicer(database, clock_ms)),
                (
                    add_ComparisonServiceServicer_to_server,
                    ComparisonServicer(database, analyst, clock_ms),
                ),
                (add_SegmentServiceServicer_to_server, SegmentServicer(database, clock_ms)),
                (add_RevisionServiceServicer_to_server, RevisionServicer(database, clock_ms)),
                (add_DuplicateServiceServicer_to_server, DuplicateServicer(database, clock_ms)),
                (add_PersonalDataServiceServicer_to_server, personal_data(database, clock_ms)),
                (add_WorkoutStateServiceServicer_to_server, WorkoutStateServicer(database)),
                (
                    add_SharedWorkoutServiceServicer_to_server,
                    SharedWorkoutServicer(
                        database, live, Sights(privacy, self._relations, consent), clock_ms
                    ),
                ),
            ],
            consumers=[
                consents.consumer(database, consent, clock_ms),
                Consumer("workout.privacy", [PRIVACY_CHANGED], privacy.forget, database),
                physiology_consumer(database, clock_ms),
            ],
            background=[
                Housekeeping(database, live, clock_ms, settings),
                analyst,
                RoutePlacer(database, clock_ms),
                SegmentFinder(database, clock_ms),
            ],
            on_close=ingest.close,
        )


module = WorkoutModule()
