from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.gateway.binary import NoEnvoy, find_envoy
from tests.integration.services.gateway.world import World, world


@pytest.fixture
async def one_world(tmp_path: Path) -> AsyncIterator[World]:
    """A backend, and no gateway yet; skips where there is no Envoy."""
    try:
        find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    async with world(tmp_path) as made:
        yield made
