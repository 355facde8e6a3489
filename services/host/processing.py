"""The record of processing (GDPR Art. 30), made from what contracts and tables say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import Table

from services.chassis.consent import purpose_names
from services.chassis.database.personal_data import INFO_KEY
from services.chassis.migrations import chassis_metadata
from services.chassis.module import Module
from services.chassis.personal_data.subjects import SUBJECT, holds_personal_data, kinds_of, rows_of
from services.chassis.policy import contract_services, default_registry

KINDS: Mapping[str, str] = {
    "identity": "who somebody is",
    "location": "where they were",
    "health": "what their body did",
    "content": "what they wrote or made",
    "device": "which equipment they used",
}

_HEAD = """# Record of processing

What is kept of people, where, and for what they are asked. Made by `pulsemesh-server processing` from the
annotations of tables and contracts; a test fails when this page is not what they say. The controller, the
texts that people agree to, lawful bases and retention by jurisdiction are data of the consent service:
`docs/consent.md`.

Every domain hands over and erases its own rows (`PersonalDataService`); in a table with the column `user_id`
they are found by it, in another by the row that they belong to.
"""


def record_of_processing(modules: Iterable[Module]) -> str:
    """The page."""
    return "\n".join(
        [_HEAD, *_kinds(), *(line for module in modules for line in _domain(module)), *_shared()]
    )


def _kinds() -> Iterator[str]:
    yield "| Kind | Says |"
    yield "|---|---|"
    yield from (f"| {kind} | {says} |" for kind, says in KINDS.items())


def _domain(module: Module) -> Iterator[str]:
    registry = default_registry()
    methods = list(registry.methods(contract_services(module.name)))
    purposes = {purpose for method in methods if method.policy for purpose in method.policy.consents}
    yield f"\n## {module.name}\n"
    asked = (
        purpose_names(purposes).replace(",", ", ") if purposes else "none: nothing here waits for a consent"
    )
    yield f"Purposes that people are asked for: {asked}.\n"
    yield from _tables(module.metadata.sorted_tables)


def _shared() -> Iterator[str]:
    yield "\n## In every domain's schema\n"
    yield from _tables(chassis_metadata.sorted_tables)


def _tables(tables: Iterable[Table]) -> Iterator[str]:
    yield "| Table | Kinds | Columns | Whose, by |"
    yield "|---|---|---|---|"
    for table in sorted(tables, key=lambda each: each.name):
        if holds_personal_data(table):
            held = [column.name for column in table.columns if column.info.get(INFO_KEY) != "none"]
            columns, kinds = ", ".join(f"`{name}`" for name in held), ", ".join(kinds_of(table))
            yield f"| `{table.name}` | {kinds} | {columns} | {_whose(table)} |"


def _whose(table: Table) -> str:
    if SUBJECT in table.c:
        return f"`{SUBJECT}`"
    if rows_of(table, "") is not None:
        parents = sorted({key.column.table.name for key in table.foreign_keys})
        return "its row in " + " or ".join(f"`{name}`" for name in parents)
    return "address, partner or event: by code"
