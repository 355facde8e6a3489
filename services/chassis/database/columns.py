"""What the columns of every service are made with.

Every column says what kind of personal data it holds; `none` says that it holds none.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer

from services.chassis.database.personal_data import PersonalData, personal

ROW_ID = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in an INTEGER primary key."""


def holds(kind: PersonalData) -> dict[str, Any]:
    """The keyword arguments of a column that holds personal data of this kind."""
    return {"info": personal(kind)}


NONE = holds("none")
