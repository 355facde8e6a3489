"""From a draft to the columns of a workout's row. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout import documents
from services.workout.revisions.draft import Draft
from services.workout.summary import summarise


@dataclass(frozen=True, slots=True)
class Computed:
    """What is computed of a workout.

    Attributes:
        document: as `workouts.document` holds it.
    """

    sport: int
    sub_sport: int
    start_ms: int
    end_ms: int
    elapsed_s: float
    distance_m: float | None
    document: workout_pb2.Workout

    def columns(self) -> dict[str, object]:
        """The columns of the workout's row that follow from its samples."""
        return {
            "start_ms": self.start_ms,
            "end_ms": self.end_ms,
            "elapsed_s": self.elapsed_s,
            "distance_m": self.distance_m,
            "document": self.document.SerializeToString(),
        }


def compute(
    draft: Draft,
    sport: int,
    sub_sport: int,
    start_ms: int,
    sources: Sequence[recording_pb2.SourceProgress],
    *,
    chosen: tuple[int, int] | None = None,
) -> Computed:
    """The numbers of a draft, as closing computes those of a recording.

    Args:
        sport, sub_sport: as announced; unspecified takes those of the sessions.
        chosen: sport and sub sport that its owner chose since.
        start_ms: where the workout began if there is neither a sample nor a part.
    """
    sessions = documents.parts(draft.details)
    sport, sub_sport = documents.overall_sport(sport, sub_sport, sessions)
    if chosen is not None and chosen != (sport, sub_sport):
        sport, sub_sport = chosen
        if len(sessions) == 1:
            sessions = [replace(sessions[0], sport=sport, sub_sport=sub_sport)]
    summary = summarise(
        list(draft.sources.values()),
        sport=sport,
        sub_sport=sub_sport,
        start_ms=start_ms,
        sessions=sessions,
        laps=documents.laps(draft.details),
        lengths=documents.lengths(draft.details),
    )
    document = workout_pb2.Workout(
        summary=documents.summary_message(summary.whole),
        sessions=[documents.session_message(part, totals) for part, totals in summary.sessions],
        laps=[documents.lap_message(lap, totals) for lap, totals in summary.laps],
        lengths=draft.details.lengths,
        sources=sources,
        gear=draft.details.gear,
    )
    return Computed(
        sport=sport,
        sub_sport=sub_sport,
        start_ms=summary.start_ms,
        end_ms=summary.end_ms,
        elapsed_s=summary.whole.elapsed_s or 0.0,
        distance_m=summary.whole.distance_m,
        document=document,
    )


def retitled(title: str, sport: int, before_ms: int, after_ms: int) -> str:
    """The title: it follows the day where nobody has chosen another."""
    own = documents.default_title(sport_pb2.Sport.ValueType(sport), before_ms)
    return documents.default_title(sport_pb2.Sport.ValueType(sport), after_ms) if title == own else title
