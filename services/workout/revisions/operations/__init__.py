"""What can be done to a workout. Pure and deterministic: a `Draft` in, a `Draft` and an `Outcome` out."""

from services.workout.revisions.operations.applying import apply, apply_all
from services.workout.revisions.operations.windows import keep_stretch

__all__ = ["apply", "apply_all", "keep_stretch"]
