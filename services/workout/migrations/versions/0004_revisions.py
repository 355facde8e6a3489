"""Edited samples, workouts made of workouts, duplicates.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
