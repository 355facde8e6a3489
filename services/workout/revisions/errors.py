"""What corrections and derivations refuse."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import FailedPrecondition, NotFound


class DerivationNotFound(NotFound):
    """The caller has no derivation of that id."""

    def __init__(self, derivation_id: str) -> None:
        super().__init__("derivation", derivation_id)


class WorkoutHidden(FailedPrecondition):
    """Other workouts stand in its place: change those, or undo."""

    def __init__(self, workout_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_HIDDEN,
            f"the workout {workout_id} is hidden: undo what stands in its place first",
            metadata={"workout_id": workout_id},
        )


class WorkoutDerived(FailedPrecondition):
    """It belongs to a derivation that must be undone, or deleted as a whole, first."""

    def __init__(self, workout_id: str, derivation_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_DERIVED,
            f"the workout {workout_id} belongs to the derivation {derivation_id}: undo that, "
            "or delete it as a whole",
            metadata={"workout_id": workout_id, "derivation_id": derivation_id},
        )


class NothingLeft(FailedPrecondition):
    """Not a sample would be left."""

    def __init__(self, workout_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_NOTHING_LEFT,
            f"this would leave nothing of the workout {workout_id}",
            metadata={"workout_id": workout_id},
        )
