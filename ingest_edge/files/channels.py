"""Scales and units of the channels, read from the contract: integer = value × scale."""

from __future__ import annotations

from pulsemesh.type.v1 import channel_pb2

_SPECS = [
    value.GetOptions().Extensions[channel_pb2.channel] for value in channel_pb2.Channel.DESCRIPTOR.values
]

SCALES: dict[str, float] = {spec.name: spec.scale for spec in _SPECS}
"""By channel name."""

UNITS: dict[str, str] = {spec.name: spec.unit for spec in _SPECS}
"""By channel name; "1" for plain numbers."""
