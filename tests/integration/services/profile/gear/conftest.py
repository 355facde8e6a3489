from __future__ import annotations

from pulsemesh.testing.fixtures import pulsemesh_client, pulsemesh_platform

__all__ = ["pulsemesh_client", "pulsemesh_platform"]
