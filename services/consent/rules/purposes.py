"""What people are asked for, and what kinds of data each purpose touches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulsemesh.policy.v1.policy_pb2 import PersonalData, Purpose

_IDENTITY = PersonalData.PERSONAL_DATA_IDENTITY
_LOCATION = PersonalData.PERSONAL_DATA_LOCATION
_HEALTH = PersonalData.PERSONAL_DATA_HEALTH
_CONTENT = PersonalData.PERSONAL_DATA_CONTENT
_DEVICE = PersonalData.PERSONAL_DATA_DEVICE

DATA_CATEGORIES: Final[Mapping[Purpose.ValueType, tuple[PersonalData.ValueType, ...]]] = {
    Purpose.PURPOSE_TRAINING_ANALYSIS: (_HEALTH, _LOCATION),
    Purpose.PURPOSE_HEALTH_DATA: (_HEALTH,),
    Purpose.PURPOSE_PRECISE_LOCATION: (_LOCATION,),
    Purpose.PURPOSE_NEARBY_DISCOVERY: (_IDENTITY, _LOCATION),
    Purpose.PURPOSE_SOCIAL_VISIBILITY: (_IDENTITY, _CONTENT),
    Purpose.PURPOSE_PERSONALISATION: (_IDENTITY, _CONTENT),
    Purpose.PURPOSE_CROSS_BORDER_TRANSFER: (_IDENTITY, _LOCATION, _HEALTH, _CONTENT, _DEVICE),
    Purpose.PURPOSE_RESEARCH: (_HEALTH, _LOCATION),
    Purpose.PURPOSE_MARKETING_EMAIL: (_IDENTITY,),
    Purpose.PURPOSE_MARKETING_SMS: (_IDENTITY,),
    Purpose.PURPOSE_MARKETING_PUSH: (_IDENTITY, _DEVICE),
    Purpose.PURPOSE_MARKETING_IN_APP: (_IDENTITY,),
}
"""Every purpose that anybody is asked for, in the order in which they are shown."""


def name_of(purpose: Purpose.ValueType) -> str:
    """A purpose as data files, receipts and commands write it: "health_data"."""
    return Purpose.Name(purpose).removeprefix("PURPOSE_").lower()


def purpose_of(name: str) -> Purpose.ValueType:
    """
    Raises:
        ValueError: there is no such purpose.
    """
    return Purpose.Value(f"PURPOSE_{name.upper()}")
