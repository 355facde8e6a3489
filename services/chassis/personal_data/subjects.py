"""Which rows of a table are a person's: those that say so, and those that belong to such rows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, ForeignKeyConstraint, MetaData, Table, or_, select, tuple_

from services.chassis.database.personal_data import INFO_KEY

SUBJECT = "user_id"
"""The column that names the person whom a row is about."""


def rows_of(table: Table, user_id: str) -> ColumnElement[bool] | None:
    """The condition for the rows of a person; None for a table that no person's rows can be told in.

    A row without the column `user_id` is of whoever has a row that it belongs to; with two owners it is of
    both. It does not belong to what it outlives (``ON DELETE SET NULL``), nor, here, to a row of its own
    table: such rows need a cascade.
    """
    return _rows_of(table, user_id, frozenset())


def _rows_of(table: Table, user_id: str, on_the_way: frozenset[str]) -> ColumnElement[bool] | None:
    if SUBJECT in table.c:
        return table.c[SUBJECT] == user_id
    conditions = []
    for key in sorted(table.foreign_key_constraints, key=lambda each: tuple(each.column_keys)):
        parent = key.referred_table
        if parent.name in on_the_way or parent is table or key.ondelete == "SET NULL":
            continue
        condition = _rows_of(parent, user_id, on_the_way | {table.name})
        if condition is not None:
            conditions.append(_belongs(key, condition))
    return or_(*conditions) if conditions else None


def _belongs(key: ForeignKeyConstraint, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """That the row behind a key, all columns of it, meets a condition."""
    mine = [element.parent for element in key.elements]
    theirs = [element.column for element in key.elements]
    rows = select(*theirs).where(condition)
    return mine[0].in_(rows) if len(mine) == 1 else tuple_(*mine).in_(rows)


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
