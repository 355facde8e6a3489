"""Routes, segments and efforts.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
