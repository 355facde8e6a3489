"""The rows of a person as JSON lines, a file for each table."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Connection, MetaData, Row, Table, select

from services.chassis.database import Database
from services.chassis.personal_data.subjects import rows_of

_PAGE = 200


async def export_rows(
    database: Database, domain: str, metadata: MetaData, user_id: str
) -> AsyncIterator[tuple[str, bytes]]:
    """The path within the export and a piece of the content; a path comes as often as it has pieces.

    A line is an object of column names and values; binary values are objects with their `base64`. Tables
    without a row of the person are left out.
    """
    for table in metadata.sorted_tables:
        condition = rows_of(table, user_id)
        if condition is None:
            continue
        offset = 0
        while True:
            async with database.read() as view:
                rows = await view.run(_page, table, user_id, offset)
            if rows:
                yield f"{domain}/{table.name}.jsonl", b"".join(_line(row) for row in rows)
            if len(rows) < _PAGE:
                break
            offset += len(rows)


def _page(connection: Connection, table: Table, user_id: str, offset: int) -> list[Row[Any]]:
    condition = rows_of(table, user_id)
    assert condition is not None
    order = list(table.primary_key.columns) or list(table.columns)
    statement = select(table).where(condition).order_by(*order).limit(_PAGE).offset(offset)
    return list(connection.execute(statement))


def _line(row: Row[Any]) -> bytes:
    values = {name: _plain(value) for name, value in row._mapping.items()}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
