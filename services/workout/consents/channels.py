"""Which channels tell of a person's body and of where they were: what a method's policy cannot see."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.type.v1.channel_pb2 import Channel
from services.chassis.consent import ConsentGate, consent_missing
from services.chassis.errors import AccessDenied

HEALTH: Final = frozenset(
    {
        Channel.CHANNEL_HEART_RATE,
        Channel.CHANNEL_POWER,
        Channel.CHANNEL_LEFT_POWER,
        Channel.CHANNEL_TORQUE,
        Channel.CHANNEL_RR_INTERVAL,
        Channel.CHANNEL_STRIDE_LENGTH,
        Channel.CHANNEL_VERTICAL_OSCILLATION,
        Channel.CHANNEL_GROUND_CONTACT_TIME,
        Channel.CHANNEL_RESPIRATION_RATE,
        Channel.CHANNEL_CORE_TEMPERATURE,
        Channel.CHANNEL_LEFT_TORQUE_EFFECTIVENESS,
        Channel.CHANNEL_RIGHT_TORQUE_EFFECTIVENESS,
        Channel.CHANNEL_LEFT_PEDAL_SMOOTHNESS,
        Channel.CHANNEL_RIGHT_PEDAL_SMOOTHNESS,
        Channel.CHANNEL_WORK,
        Channel.CHANNEL_ENERGY,
        Channel.CHANNEL_HEMOGLOBIN_SATURATION,
        Channel.CHANNEL_HEMOGLOBIN_CONCENTRATION,
    }
)
"""What the body does, and how hard it works."""

LOCATION: Final = frozenset({Channel.CHANNEL_LATITUDE, Channel.CHANNEL_LONGITUDE})
"""Where the person is. An altitude alone names no place."""

CHANNELS: Final[Mapping[Purpose.ValueType, frozenset[Channel.ValueType]]] = {
    Purpose.PURPOSE_HEALTH_DATA: HEALTH,
    Purpose.PURPOSE_PRECISE_LOCATION: LOCATION,
}
"""The channels that may be stored and read only for the purpose. All others need none."""

PURPOSES: Final = frozenset(CHANNELS)


def purposes_of(channels: Iterable[int]) -> frozenset[Purpose.ValueType]:
    """The consents that these channels need."""
    wanted = frozenset(channels)
    return frozenset(purpose for purpose, guarded in CHANNELS.items() if guarded & wanted)


def guarded_by(purposes: Iterable[Purpose.ValueType]) -> frozenset[int]:
    """The channels that need one of these consents."""
    return frozenset(channel for purpose in purposes for channel in CHANNELS.get(purpose, ()))


def channels_missing(purposes: Collection[Purpose.ValueType], channels: Iterable[int]) -> AccessDenied:
    """The error for channels whose consents are missing: CONSENT_MISSING, naming both."""
    error = consent_missing(purposes)
    refused = sorted(guarded_by(purposes) & frozenset(channels))
    error.metadata["channels"] = ",".join(_name(channel) for channel in refused)
    return error


async def require(gate: ConsentGate, user_id: str, channels: Iterable[int]) -> None:
    """Return when the person allows all of these channels.

    Raises:
        AccessDenied: with CONSENT_MISSING, naming purposes and channels.
        Unavailable: with CONSENT_UNAVAILABLE.
    """
    named = frozenset(channels)
    refused = await gate.refused(user_id, purposes_of(named)) if purposes_of(named) else frozenset()
    if refused:
        raise channels_missing(refused, named)


def _name(channel: int) -> str:
    value = Channel.DESCRIPTOR.values_by_number[channel]
    spec: channel_pb2.ChannelSpec = value.GetOptions().Extensions[channel_pb2.channel]
    return spec.name
