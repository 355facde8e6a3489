"""From the contract's operations to what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulsemesh.workout.v1 import revision_pb2
from services.chassis.errors import InvalidField
from services.workout.revisions.draft import Draft, Outcome
from services.workout.revisions.operations.elevation import correct_elevation
from services.workout.revisions.operations.spikes import remove_spikes
from services.workout.revisions.operations.values import drop_data, fill_dropouts, scale_channel
from services.workout.revisions.operations.windows import crop, cut

Step = tuple[Draft, Outcome]

_KINDS: Mapping[str, Callable[[Draft, Any], Step]] = {
    "crop": crop,
    "cut": cut,
    "correct_elevation": correct_elevation,
    "remove_spikes": remove_spikes,
    "scale_channel": scale_channel,
    "drop_data": drop_data,
    "fill_dropouts": fill_dropouts,
}


def apply(draft: Draft, operation: revision_pb2.Operation) -> Step:
    """Do one operation.

    Raises:
        InvalidField: it says nothing that can be done.
    """
    kind = operation.WhichOneof("kind")
    if kind is None:
        raise InvalidField("kind", "must say what to do")
    return _KINDS[kind](draft, getattr(operation, kind))


def apply_all(
    draft: Draft, operations: Sequence[revision_pb2.Operation]
) -> tuple[Draft, list[revision_pb2.OperationOutcome]]:
    """Do all of them in their order.

    Raises:
        InvalidField: one cannot be done; the field says which.
    """
    outcomes = []
    for index, operation in enumerate(operations):
        try:
            draft, outcome = apply(draft, operation)
        except InvalidField as error:
            field, description = error.violations[0]
            raise InvalidField(f"revision.operations[{index}].{field}", description) from None
        outcomes.append(
            revision_pb2.OperationOutcome(
                removed_samples=outcome.removed_samples,
                removed_values=outcome.removed_values,
                changed_values=outcome.changed_values,
                filled_values=outcome.filled_values,
            )
        )
    return draft, outcomes
