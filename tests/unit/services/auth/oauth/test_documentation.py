"""The table of attacks in docs/oauth.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[5]


def test_every_attack_has_its_test() -> None:
    page = (ROOT / "docs" / "oauth.md").read_text()
    rows = re.findall(r"^\| .* \| .* \| `(test_\w+)` \|$", page, re.MULTILINE)
    folder = ROOT / "tests" / "integration" / "services" / "auth" / "oauth"
    found = {
        name for path in folder.glob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }
    assert len(rows) > 40
    assert set(rows) - found == set()
