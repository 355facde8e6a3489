"""`pulsemesh-server keys …`: the keys that sign access tokens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from services.chassis.settings import Settings, SettingsError, load_settings
from services.host.exit_codes import ExitCode

if TYPE_CHECKING:  # the group is read by every command
    from services.auth.store.keys import KeyRow

_DATA = click.option("--data-dir", type=click.Path(path_type=Path), help="[PULSEMESH_DATA_DIR]")


@click.group()
def keys() -> None:
    """List the keys that sign access tokens, and replace the present one.

    Works on the database directly: with SQLite, stop the server first.
    """


@keys.command("list")
@_DATA
def list_command(data_dir: Path | None) -> None:
    """List the keys, in the order in which they sign."""
    from services.host.signing_keys import list_keys  # noqa: PLC0415

    _show(_run(list_keys(_settings(data_dir))))


@keys.command("rotate")
@_DATA
def rotate_command(data_dir: Path | None) -> None:
    """Publish a new key now; it signs once every process has had the time to see it.

    The one before stays published until the last of its tokens has expired.
    """
    from services.host.signing_keys import rotate_keys  # noqa: PLC0415

    _show(_run(rotate_keys(_settings(data_dir))))


def _show(rows: Sequence[KeyRow]) -> None:
    for row in rows:
        gone = "" if row.gone_ms is None else f"  published until {_time(row.gone_ms)}"
        click.echo(f"{row.key_id}  signs from {_time(row.signs_from_ms)}{gone}")


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _settings(data_dir: Path | None) -> Settings:
    try:
        return load_settings({} if data_dir is None else {"data_dir": data_dir})
    except SettingsError as error:
        _fail("; ".join(error.problems), ExitCode.USAGE)
        raise


def _run(work: Coroutine[Any, Any, Sequence[KeyRow]]) -> Sequence[KeyRow]:
    """Run to a result; foreseen failures are told in one line."""
    from services.auth.vault import SealBroken  # noqa: PLC0415
    from services.host.running import exit_code_for  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except Exception as error:
        code = ExitCode.STORE if isinstance(error, SealBroken) else exit_code_for(error)
        if code is None:
            raise
        _fail(str(error), code)
        raise


def _fail(message: str, code: ExitCode) -> None:
    click.echo(f"pulsemesh-server: {message}", err=True)
    sys.exit(code)
