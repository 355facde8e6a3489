from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pulsemesh import Client, connect
from tests.unit.pulsemesh import peers


@pytest.fixture
async def platform() -> AsyncIterator[peers.Platform]:
    """Peers of every service of the platform behind one port."""
    async with peers.platform() as served:
        yield served


@pytest.fixture
def pauses() -> peers.Pauses:
    return peers.Pauses()


@pytest.fixture
async def client(platform: peers.Platform, pauses: peers.Pauses) -> AsyncIterator[Client]:
    """A client of the peers that does not really sleep between attempts."""
    async with connect(platform.target, "a-token", retry=pauses.settings()) as connected:
        yield connected
