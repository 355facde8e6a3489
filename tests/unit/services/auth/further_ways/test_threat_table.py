"""The table of attacks in docs/sign-in.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[5]


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "sign-in.md").read_text()))
    written: set[str] = set()
    for path in (ROOT / "tests").rglob("further_ways/test_*.py"):
        written |= set(re.findall(r"def (test_\w+)\(", path.read_text()))
    assert len(named) > 30
    assert named <= written
