"""Scales of the channels, read from the contract: integer = value × scale."""

from __future__ import annotations

from pulsemesh.type.v1 import channel_pb2


def _scales() -> dict[str, float]:
    specs = (
        value.GetOptions().Extensions[channel_pb2.channel] for value in channel_pb2.Channel.DESCRIPTOR.values
    )
    return {spec.name: spec.scale for spec in specs}


SCALES: dict[str, float] = _scales()
"""By channel name."""
