"""Which rows of a table are a person's: those that say so, and those that belong to such rows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, MetaData, Table, or_, select

from services.chassis.database.personal_data import INFO_KEY

SUBJECT = "user_id"
"""The column that names the person whom a row is about."""


def rows_of(table: Table, user_id: str) -> ColumnElement[bool] | None:
    """The condition for the rows of a person; None for a table that no person's rows can be told in."""
    return _rows_of(table, user_id, frozenset())


def _rows_of(table: Table, user_id: str, on_the_way: frozenset[str]) -> ColumnElement[bool] | None:
    if SUBJECT in table.c:
        return table.c[SUBJECT] == user_id
    conditions = []
    for key in sorted(table.foreign_keys, key=lambda each: each.parent.name):
        parent = key.column.table
        if parent.name in on_the_way or parent is table:
            continue
        condition = _rows_of(parent, user_id, on_the_way | {table.name})
        if condition is not None:
            conditions.append(key.parent.in_(select(key.column).where(condition)))
    return or_(*conditions) if conditions else None


def holds_personal_data(table: Table) -> bool:
    """True when a column says that it holds some."""
    return any(column.info.get(INFO_KEY, "none") != "none" for column in table.columns)


def kinds_of(table: Table) -> list[str]:
    """The kinds of personal data in a table, sorted."""
    return sorted({str(column.info.get(INFO_KEY, "none")) for column in table.columns} - {"none"})


def unreachable_tables(metadata: MetaData, answered_otherwise: Collection[str] = ()) -> list[str]:
    """Tables with personal data whose rows cannot be told by person, and that nobody else answers for."""
    return [
        table.name
        for table in metadata.sorted_tables
        if holds_personal_data(table) and rows_of(table, "") is None and table.name not in answered_otherwise
    ]
