"""The gRPC services of the domain: request in, use case, response out."""

from services.workout.servicers.analysis import AnalysisServicer
from services.workout.servicers.athletes import AthleteServicer
from services.workout.servicers.duplicates import DuplicateServicer
from services.workout.servicers.exports import ExportServicer
from services.workout.servicers.files import FileServicer
from services.workout.servicers.recordings import RecordingServicer
from services.workout.servicers.revisions import RevisionServicer
from services.workout.servicers.workouts import WorkoutServicer

__all__ = [
    "AnalysisServicer",
    "AthleteServicer",
    "DuplicateServicer",
    "ExportServicer",
    "FileServicer",
    "RecordingServicer",
    "RevisionServicer",
    "WorkoutServicer",
]
