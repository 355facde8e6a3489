"""What the gear inventory refuses, and how it says so."""

from __future__ import annotations

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from services.chassis.errors import AlreadyExists, FailedPrecondition, NotFound

MOST_GEAR = 500
"""Pieces of gear and components that one person may have at a time."""


class GearNotFound(NotFound):
    """The caller has no gear of that id."""

    def __init__(self, gear_id: str) -> None:
        super().__init__("gear", gear_id)


class InstallationNotFound(NotFound):
    """The caller has no installation of that id."""

    def __init__(self, installation_id: str) -> None:
        super().__init__("installation", installation_id)


class RecordNotFound(NotFound):
    """The caller has no line of that id in any service log."""

    def __init__(self, record_id: str) -> None:
        super().__init__("service record", record_id)


class WorkoutGone(NotFound):
    """The workout is deleted."""

    def __init__(self, workout_id: str) -> None:
        super().__init__("workout", workout_id)


class NameTaken(AlreadyExists):
    """Other gear of the caller has that name."""

    def __init__(self, name: str) -> None:
        super().__init__("gear", name)


class InstallationOverlaps(FailedPrecondition):
    """The component would sit on two things at once."""

    def __init__(self, other_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_INSTALLATION_OVERLAPS,
            f"the component sat on something else then: correct the installation {other_id} first",
            metadata={"installation_id": other_id},
        )


class TooMuchGear(FailedPrecondition):
    """The caller has as much gear as anybody may have."""

    def __init__(self) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_TOO_MUCH_GEAR,
            f"there are {MOST_GEAR} pieces of gear already: delete some first",
            metadata={"most": str(MOST_GEAR)},
        )
