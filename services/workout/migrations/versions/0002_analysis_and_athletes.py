"""Analyses, their jobs, thresholds and what is kept of athletes.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
