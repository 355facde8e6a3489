"""Verifying the receipts of a database without a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.chassis import migrations
from services.chassis.settings import Settings
from services.consent.module import module
from services.consent.receipts.keys import published
from services.consent.verifying import Verdict, verify, verify_all
from services.host.databases import open_schema
from services.host.exit_codes import ExitCode


async def verify_lines(
    settings: Settings, user_id: str, public_keys: Path | None, tell: Callable[[str], None]
) -> ExitCode:
    """Tell of every broken chain, and how many were whole; returns the exit code.

    Raises:
        OSError, ValueError: there are no keys to prove receipts with.
        StoreUnavailable, DatabaseInUse, SchemaOutdated: the database cannot be read.
    """
    keys = published(settings.data_dir, public_keys)
    database = open_schema(settings, module.name)
    people = receipts = broken = 0
    try:
        assert module.migrations is not None
        await migrations.require_current(database, module.migrations)
        if user_id:
            people, receipts, broken = _tell(await verify(database, user_id, keys), tell)
        else:
            async for verdict in verify_all(database, keys):
                counted = _tell(verdict, tell)
                people, receipts, broken = people + 1, receipts + counted[1], broken + counted[2]
    finally:
        await database.close()
    tell(f"{people} people, {receipts} receipts, {broken} broken chains")
    return ExitCode.AUDIT_BROKEN if broken else ExitCode.OK


def _tell(verdict: Verdict, tell: Callable[[str], None]) -> tuple[int, int, int]:
    """People, receipts and broken chains of one verdict."""
    for finding in verdict.findings:
        tell(f"BROKEN  {verdict.user_id}: {finding}")
    return 1, verdict.receipts, int(bool(verdict.findings))
