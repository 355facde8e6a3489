"""What a person's consents withhold from others, whatever the settings say.

Showing is a use of data like another: without the consent to be seen nobody is, and what may not be kept or
computed without a consent is not shown without it. Fails closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.profile.v1 import privacy_pb2 as wire
from services.chassis.consent import ConsentGate
from services.chassis.privacy.aspects import DEFAULTS, Aspect

WITHHELD: Final[Mapping[Purpose.ValueType, frozenset[Aspect]]] = {
    Purpose.PURPOSE_SOCIAL_VISIBILITY: frozenset(DEFAULTS),
    Purpose.PURPOSE_HEALTH_DATA: frozenset(
        {
            wire.ASPECT_HEART_RATE,
            wire.ASPECT_POWER,
            wire.ASPECT_MEDICAL,
            wire.ASPECT_PHYSIOLOGY,
            wire.ASPECT_WEIGHT,
            wire.ASPECT_HEIGHT,
            wire.ASPECT_SEX,
        }
    ),
    Purpose.PURPOSE_PRECISE_LOCATION: frozenset({wire.ASPECT_MAP}),
    Purpose.PURPOSE_TRAINING_ANALYSIS: frozenset({wire.ASPECT_PHYSIOLOGY, wire.ASPECT_RECORDS}),
}
"""By the purpose that was refused, what is shown to nobody else."""

_log = structlog.get_logger(__name__)


async def refused_by(gate: ConsentGate, owner_id: str) -> frozenset[Purpose.ValueType]:
    """Which of the purposes of showing a person does not allow; all where that cannot be known now."""
    try:
        return await gate.refused(owner_id, frozenset(WITHHELD))
    except Exception as error:  # whatever it is, what cannot be known is not shown
        _log.warning("consents_unknown", error=type(error).__name__)
        return frozenset(WITHHELD)


def withheld(refused: frozenset[Purpose.ValueType]) -> frozenset[Aspect]:
    """What nobody else sees while these are refused."""
    return frozenset(aspect for purpose in refused for aspect in WITHHELD.get(purpose, ()))
