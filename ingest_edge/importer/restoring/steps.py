"""What became of each thing that an archive asks to be done again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StepKind(StrEnum):
    """What is done."""

    EDIT = "edit"
    """Title, notes and sport, where a recording cannot bring them along."""
    CORRECTION = "correction"
    SPLIT = "split"
    MERGE = "merge"
    KEEP_ONE = "keep_one"


class StepStatus(StrEnum):
    """How it ended."""

    DONE = "done"
    ALREADY = "already"
    """It was done before; nothing was changed."""
    LEFT = "left"
    """Its owner has changed it here since, and what they did stays."""
    FAILED = "failed"
    """It cannot be done; nothing is lost by that."""
    WAITING = "waiting"
    """It could not be done yet: going on with the import tries again."""


SETTLED = frozenset({StepStatus.DONE, StepStatus.ALREADY, StepStatus.LEFT})
"""Nothing is left to be done about these."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was to be done again.

    Attributes:
        subject: the recording that was edited or corrected, or the derivation, by its id in the archive.
        workout_ids: the workouts here that it changed or made.
        made: recordings of the archive, and the workouts here that stand for them; of derivations only.
        reason: why it failed, waits or was left; what is different where it was done.
    """

    kind: StepKind
    subject: str
    status: StepStatus
    workout_ids: tuple[str, ...] = ()
    reason: str = ""
    made: tuple[tuple[str, str], ...] = ()
