"""FIT through our own decoder."""

from __future__ import annotations

from itertools import islice

from ingest_edge.files.fit import FitContent, MessageTable, read_fit
from ingest_edge.files.fit_profile import FILE_KINDS, MessageNumber
from ingest_edge.files.inspection.contents import (
    MOST_SUMMARIES,
    SUMMARY_KINDS,
    FileContents,
    RecordColumn,
    message_key,
)


def native_fit_contents(content: bytes) -> FileContents:
    """The contents of a FIT file. Raises `UnreadableFile` where not even a header is whole."""
    fit = read_fit(content)
    tables = list(fit.messages.values())
    records = fit.messages.get(MessageNumber.RECORD)
    return FileContents(
        kind=f"FIT {fit_kind(fit)}",
        records=0 if records is None else len(records),
        columns={} if records is None else _columns(records),
        messages={message_key(table.name): len(table) for table in tables},
        summaries={
            message_key(table.name): list(islice(table.rows(), MOST_SUMMARIES))
            for table in tables
            if table.name in SUMMARY_KINDS
        },
        losses=fit.errors,
    )


def fit_kind(fit: FitContent) -> str:
    """What the file says that it is; `file` where it says nothing."""
    table = fit.messages.get(MessageNumber.FILE_ID)
    number = next((row["type"] for row in table.rows() if "type" in row), None) if table else None
    return FILE_KINDS.get(number, f"file of type {number}") if isinstance(number, int) else "file"


def _columns(records: MessageTable) -> dict[str, RecordColumn]:
    """The profile's fields; those of apps under their own names, where no field of the profile has it."""
    every = {**records.developer, **records.columns}
    return {
        name: RecordColumn(column.compact(), column.indices(), column.units)
        for name, column in every.items()
        if column.count
    }
