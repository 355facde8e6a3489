"""People who were erased.

Written out, not taken from the tables: what a revision does must never change.
"""

from __future__ import annotations

from services.chassis.migrations import create_erased_people

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_erased_people()
