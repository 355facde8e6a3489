"""What all tables of the service share.

Every column says what kind of personal data it holds; `none` says that it holds none. Times are milliseconds
since 1970 UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in an INTEGER primary key."""


def holds(kind: str) -> dict[str, Any]:
    """The keyword arguments of a column that holds personal data of this kind."""
    return {"info": {"personal_data": kind}}


NONE = holds("none")
