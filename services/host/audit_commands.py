"""`pulsemesh-server audit …`: proving and searching the audit log."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from services.chassis.settings import Settings, SettingsError, load_settings
from services.host.exit_codes import ExitCode

_FOLDER = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="The audit folder.  [PULSEMESH_AUDIT__DIRECTORY]",
)


@click.group()
def audit() -> None:
    """Prove or search the audit log of this machine."""


def _folder(directory: Path | None) -> Path:
    if directory is not None:
        return directory
    try:
        settings: Settings = load_settings({})
    except SettingsError as error:
        click.echo("pulsemesh-server: " + "; ".join(error.problems), err=True)
        sys.exit(ExitCode.USAGE)
    return settings.audit_directory


@audit.command("verify")
@_FOLDER
@click.option(
    "--from",
    "anchors",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A copy of checkpoints.jsonl that was kept elsewhere: all of it must still be in the folder.",
)
@click.option(
    "--public-keys",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A copy of public_keys.json that was kept elsewhere: nothing else is believed.",
)
def verify_command(directory: Path | None, anchors: Path | None, public_keys: Path | None) -> None:
    """Verify every chain; names the first damaged record of each file.

    Exit code 0: intact. 6: something was changed, removed, added or moved. 7: only the last line of a
    file is cut off, as when a writer dies; the next server that starts tells of it and goes on. 2: there
    is nothing to verify.
    """
    from services.host.auditing import verify_lines  # noqa: PLC0415 - the group is read by every command

    try:
        lines, code = verify_lines(_folder(directory), public_keys=public_keys, anchors=anchors)
    except (OSError, ValueError) as error:
        click.echo(f"pulsemesh-server: {error}", err=True)
        sys.exit(ExitCode.USAGE)
    for line in lines:
        click.echo(line)
    sys.exit(code)


@audit.command("show")
@_FOLDER
@click.option("--person", help="Who acted, or was acted upon: a user id.")
@click.option("--action", help='An act, or its beginning: "staff" shows all acts of staff.')
@click.option("--since", help="As 2026-03-01 or 2026-03-01T12:00:00+01:00; UTC if it does not say.")
@click.option("--until", help="Likewise; the moment itself is not shown.")
@click.option("--outcome", help='A status: "OK", "PERMISSION_DENIED".')
def show_command(  # noqa: PLR0917 - click passes them by name
    directory: Path | None,
    person: str | None,
    action: str | None,
    since: str | None,
    until: str | None,
    outcome: str | None,
) -> None:
    """Print acts as lines of JSON, by time. Damaged lines are left out: verify first."""
    from services.chassis.audit import ActFilter  # noqa: PLC0415
    from services.host.auditing import parse_time, shown_acts  # noqa: PLC0415

    try:
        wanted = ActFilter(
            user_id=person,
            action=action,
            since_ms=parse_time(since) if since else None,
            until_ms=parse_time(until) if until else None,
            outcome=outcome,
        )
    except ValueError as error:
        click.echo(f"pulsemesh-server: {error}", err=True)
        sys.exit(ExitCode.USAGE)
    for line in shown_acts(_folder(directory), wanted):
        click.echo(line)
