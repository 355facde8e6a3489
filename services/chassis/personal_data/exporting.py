"""The rows of a person as JSON lines, a file for each table."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, LargeBinary, MetaData, Row, Table, literal, select, tuple_

from services.chassis.database import Database
from services.chassis.personal_data.subjects import rows_of

PAGE, PAGE_OF_BINARIES = 200, 16
"""Rows that are read at once; fewer where each may hold a long binary value."""

WITHHELD = {"withheld": "a secret, or what proves one"}
"""Stands for the value of a column that is nobody's business, its owner's included."""


async def export_rows(
    database: Database, domain: str, metadata: MetaData, user_id: str, withheld: Collection[str] = ()
) -> AsyncIterator[tuple[str, bytes]]:
    """The path within the export and a piece of the content; a path comes as often as it has pieces.

    A line is an object of column names and values; binary values are objects with their `base64`. Tables
    without a row of the person are left out. Each page is a transaction: what changes meanwhile is in it, or
    not, row by row.

    Args:
        withheld: columns, as ``table.column``, whose values stay here.
    """
    for table in metadata.sorted_tables:
        condition = rows_of(table, user_id)
        if condition is None:
            continue
        hidden = {name for name in table.c.keys() if f"{table.name}.{name}" in withheld}  # noqa: SIM118
        rows: Sequence[Row[Any]] = ()
        while True:
            async with database.read() as view:
                rows = await view.run(_page, table, condition, rows[-1] if rows else None)
            if not rows:
                break
            yield f"{domain}/{table.name}.jsonl", b"".join(_line(row, hidden) for row in rows)


def _page(
    connection: Connection, table: Table, condition: ColumnElement[bool], last: Row[Any] | None
) -> list[Row[Any]]:
    """The rows after `last` in the order of the primary key, which every table has."""
    key = list(table.primary_key.columns)
    statement = select(table).where(condition).order_by(*key)
    if last is not None:
        at = [literal(last._mapping[column.name], column.type) for column in key]
        statement = statement.where(tuple_(*key) > tuple_(*at))
    binary = any(isinstance(column.type, LargeBinary) for column in table.columns)
    return list(connection.execute(statement.limit(PAGE_OF_BINARIES if binary else PAGE)))


def _line(row: Row[Any], hidden: Collection[str]) -> bytes:
    values = {
        name: WITHHELD if name in hidden and value is not None else _plain(value)
        for name, value in row._mapping.items()
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
