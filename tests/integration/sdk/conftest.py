from __future__ import annotations

import pytest

from pulsemesh.testing.fixtures import pulsemesh_client, pulsemesh_platform

__all__ = ["pulsemesh_client", "pulsemesh_platform"]


@pytest.fixture(autouse=True)
def wide_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are never folded, however wide the terminal is from which the tests are run."""
    monkeypatch.setenv("COLUMNS", "200")
