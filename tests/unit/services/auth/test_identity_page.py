"""The table of attacks in docs/identity.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_every_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs" / "identity.md").read_text()
    written: set[str] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        written |= set(re.findall(r"def (test_\w+)\(", path.read_text()))
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 40
    assert named <= written
    assert [path for path in re.findall(r"`(tests/\S+)`", page) if not (ROOT / path).is_file()] == []
