"""`pulsemesh-server staff …`: the first roles, and those nobody is left to give."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from services.chassis.settings import Settings, SettingsError, load_settings
from services.host.exit_codes import ExitCode

_DATA = click.option("--data-dir", type=click.Path(path_type=Path), help="[PULSEMESH_DATA_DIR]")
_REASON = click.option("--reason", required=True, help="Kept with the role, and in the audit log.")


@click.group()
def staff() -> None:
    """Give and take roles of staff on the machine itself; over the network StaffService does.

    Works on the database directly: with SQLite, stop the server first.
    """


@staff.command("grant")
@click.argument("email")
@click.argument("role")
@_REASON
@_DATA
def grant_command(email: str, role: str, reason: str, data_dir: Path | None) -> None:
    """Give ROLE to the owner of the address EMAIL."""
    from services.host.staffing import grant_role  # noqa: PLC0415 - the group is read by every command

    settings = _settings(data_dir)
    grant = _run(grant_role(settings, email=email, role=role, reason=reason, operator=_operator()))
    click.echo(f"{grant.user_id} is {grant.role}")


@staff.command("revoke")
@click.argument("email")
@click.argument("role")
@_REASON
@_DATA
def revoke_command(email: str, role: str, reason: str, data_dir: Path | None) -> None:
    """Take ROLE from the owner of the address EMAIL; their sessions as staff end."""
    from services.host.staffing import revoke_role  # noqa: PLC0415

    settings = _settings(data_dir)
    revoked = _run(revoke_role(settings, email=email, role=role, reason=reason, operator=_operator()))
    click.echo("revoked" if revoked else f"nobody of that address was {role}")


@staff.command("list")
@_DATA
def list_command(data_dir: Path | None) -> None:
    """List the roles that are held."""
    from services.host.staffing import held_roles  # noqa: PLC0415

    for grant in _run(held_roles(_settings(data_dir))):
        given = datetime.fromtimestamp(grant.granted_ms / 1000, UTC)
        kind = "taken in an emergency" if grant.emergency else f"given by {grant.granted_by}"
        click.echo(f"{grant.user_id}  {grant.role:<16} {given:%Y-%m-%d}  {kind}: {grant.reason}")


def _settings(data_dir: Path | None) -> Settings:
    try:
        return load_settings({} if data_dir is None else {"data_dir": data_dir})
    except SettingsError as error:
        click.echo("pulsemesh-server: " + "; ".join(error.problems), err=True)
        sys.exit(ExitCode.USAGE)


def _operator() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    from services.chassis.database import DatabaseInUse, StoreUnavailable  # noqa: PLC0415
    from services.chassis.telemetry import configure_logging  # noqa: PLC0415
    from services.host.staffing import StaffRefused  # noqa: PLC0415

    configure_logging("warning", "console")
    try:
        return asyncio.run(work)
    except StaffRefused as error:
        code, message = ExitCode.USAGE, str(error)
    except (DatabaseInUse, StoreUnavailable) as error:
        code, message = ExitCode.STORE, str(error)
    click.echo(f"pulsemesh-server: {message}", err=True)
    sys.exit(code)
