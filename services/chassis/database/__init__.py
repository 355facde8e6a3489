"""A service's own database: one unit of work, two adapters (SQLite and PostgreSQL)."""

from services.chassis.database.dialects import insert_for
from services.chassis.database.errors import (
    DatabaseClosed,
    DatabaseInUse,
    StoreUnavailable,
    TransactionDoomed,
)
from services.chassis.database.opening import open_database
from services.chassis.database.personal_data import (
    PersonalData,
    columns_holding,
    personal,
    unclassified_columns,
)
from services.chassis.database.port import Database, Lease, ReadTransaction, Transaction, raise_signal

__all__ = [
    "Database",
    "DatabaseClosed",
    "DatabaseInUse",
    "Lease",
    "PersonalData",
    "ReadTransaction",
    "StoreUnavailable",
    "Transaction",
    "TransactionDoomed",
    "columns_holding",
    "insert_for",
    "open_database",
    "personal",
    "raise_signal",
    "unclassified_columns",
]
