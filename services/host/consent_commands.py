"""`pulsemesh-server consent …`: proving the receipts of consents."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import NoReturn

import click

from services.chassis.settings import Settings, SettingsError, load_settings
from services.host.exit_codes import ExitCode


@click.group()
def consent() -> None:
    """Prove the receipts of people's consents."""


@consent.command("verify")
@click.option("--user", default="", help="Only the receipts of this user id.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded files.  [PULSEMESH_DATA_DIR]")
@click.option(
    "--public-keys",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A copy of receipt_jwks.json that was kept elsewhere: nothing else is believed.",
)
def verify_command(user: str, data_dir: Path | None, public_keys: Path | None) -> None:
    """Verify every person's chain: signatures, order, and that no receipt is missing.

    Reads the database by itself; embedded files must not be in use by a server (ask that by the RPC
    VerifyReceipts). Exit code 0: all whole. 6: something was changed, removed or added. 2: there are no
    keys. 5: the database cannot be read.
    """
    from services.host.consents.verifying import verify_lines  # noqa: PLC0415 - read by every command
    from services.host.running import exit_code_for  # noqa: PLC0415

    settings = _settings(data_dir)
    try:
        code = asyncio.run(verify_lines(settings, user, public_keys, click.echo))
    except (OSError, ValueError) as error:
        _fail(str(error), ExitCode.USAGE)
    except Exception as error:
        foreseen = exit_code_for(error)
        if foreseen is None:
            raise
        _fail(str(error), foreseen)
    sys.exit(code)


def _settings(data_dir: Path | None) -> Settings:
    try:
        return load_settings({} if data_dir is None else {"data_dir": data_dir})
    except SettingsError as error:
        _fail("; ".join(error.problems), ExitCode.USAGE)


def _fail(message: str, code: ExitCode) -> NoReturn:
    click.echo(f"pulsemesh-server: {message}", err=True)
    sys.exit(code)
