"""Every column says which personal data it holds, so that export, erasure and reviews can find it."""

from __future__ import annotations

from typing import Any, Final, Literal

from sqlalchemy import MetaData

PersonalData = Literal["identity", "location", "health", "content", "device", "none"]

KINDS: Final = frozenset({"identity", "location", "health", "content", "device", "none"})
INFO_KEY: Final = "personal_data"


def personal(kind: PersonalData) -> dict[str, Any]:
    """The ``info=`` of a column that holds personal data of this kind (``"none"``: holds none).

    Kinds: ``identity`` says who somebody is, ``location`` where they were, ``health`` what their body did,
    ``content`` what they wrote or made, ``device`` which equipment they used.
    """
    return {INFO_KEY: kind}


def unclassified_columns(*metadatas: MetaData) -> list[str]:
    """The columns, as ``table.column``, that lack a valid ``info={"personal_data": …}``; empty is right."""
    return [
        f"{table.name}.{column.name}"
        for metadata in metadatas
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get(INFO_KEY) not in KINDS
    ]


def columns_holding(kind: PersonalData, *metadatas: MetaData) -> list[str]:
    """The columns, as ``table.column``, that hold personal data of `kind`."""
    return [
        f"{table.name}.{column.name}"
        for metadata in metadatas
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get(INFO_KEY) == kind
    ]
