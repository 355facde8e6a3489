"""pytest fixtures: one platform for all tests of a run, and a person of their own for each.

Bring them in with `from pulsemesh.testing.fixtures import pulsemesh_client, pulsemesh_platform`
in a `conftest.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pulsemesh import sync
from pulsemesh.testing.sync_platform import SyncPlatform, sync_platform

__all__ = ["pulsemesh_client", "pulsemesh_platform"]


@pytest.fixture(scope="session")
def pulsemesh_platform() -> Iterator[SyncPlatform]:
    """A platform that runs as long as the tests do."""
    with sync_platform() as running:
        yield running


@pytest.fixture
def pulsemesh_client(pulsemesh_platform: SyncPlatform) -> Iterator[sync.Client]:
    """A connected client of a person who has no workouts yet."""
    with pulsemesh_platform.client() as client:
        yield client
