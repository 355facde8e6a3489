"""What all tables of the service share. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import MetaData

from services.chassis.database.columns import NONE, ROW_ID, holds

__all__ = ["NONE", "ROW_ID", "holds", "metadata"]

metadata = MetaData()
