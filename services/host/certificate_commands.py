"""`pulsemesh-server certificates …`: a small authority for the processes of one installation."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from services.chassis.settings import SettingsError, load_settings
from services.host.exit_codes import ExitCode

_FOLDER = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the certificates are; <data_dir>/certificates if absent.",
)


@click.group()
def certificates() -> None:
    """Make the certificates by which processes of the platform know each other."""


def _place(directory: Path | None) -> tuple[Path, str]:
    """Folder and cell."""
    try:
        settings = load_settings({})
    except SettingsError as error:
        click.echo("pulsemesh-server: " + "; ".join(error.problems), err=True)
        sys.exit(ExitCode.USAGE)
    return directory or settings.data_dir / "certificates", settings.cell


@certificates.command("init")
@_FOLDER
def init_command(directory: Path | None) -> None:
    """Make the authority, unless there is one. Its key never leaves the folder."""
    from services.host.certificates import AUTHORITY_FILE, CertificateAuthority  # noqa: PLC0415

    folder, cell = _place(directory)
    _guarded(lambda: CertificateAuthority.create(folder, cell=cell))
    click.echo(str(folder / AUTHORITY_FILE))


@certificates.command("issue")
@click.argument("services", nargs=-1, required=True)
@click.option("--host", "hosts", multiple=True, help="DNS name or address of the holder; may be repeated.")
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 90), help="Its life.")
@_FOLDER
def issue_command(
    services: tuple[str, ...], hosts: tuple[str, ...], days: int, directory: Path | None
) -> None:
    """Issue a certificate for a process that is SERVICES; prints the settings that use it."""
    from services.host.certificates import CertificateAuthority  # noqa: PLC0415

    folder, cell = _place(directory)

    def issue() -> None:
        authority = CertificateAuthority(folder, cell=cell)
        files = authority.issue(
            "+".join(services),
            services=services,
            hosts=hosts or ("localhost", "127.0.0.1", "::1"),
            life=timedelta(days=days),
        )
        for name, path in (
            ("SERVER__TLS_CERTIFICATE", files.certificate),
            ("SERVER__TLS_KEY", files.key),
            ("SERVER__TLS_CLIENT_CA", files.authority),
            ("CHANNELS_CERTIFICATE", files.certificate),
            ("CHANNELS_KEY", files.key),
            ("CHANNELS_CA", files.authority),
        ):
            click.echo(f"PULSEMESH_{name}={path.absolute()}")

    _guarded(issue)


@certificates.command("renew")
@_FOLDER
def renew_command(directory: Path | None) -> None:
    """Renew what has used up two thirds of its life; running servers take it up by themselves."""
    from services.host.certificates import CertificateAuthority  # noqa: PLC0415

    folder, cell = _place(directory)

    def renew() -> None:
        replaced = CertificateAuthority(folder, cell=cell).renew_due()
        click.echo("\n".join(f"renewed {state.path}" for state in replaced) or "nothing is due")

    _guarded(renew)


@certificates.command("show")
@_FOLDER
def show_command(directory: Path | None) -> None:
    """List the certificates: whose they are, and until when."""
    from services.host.certificates import certificates as find  # noqa: PLC0415

    folder, _ = _place(directory)
    now = datetime.now(UTC)
    for state in find(folder):
        due = "expired" if state.ends <= now else "renewal is due" if state.renewal_due(now) else "ok"
        holder = ", ".join((*state.uris, *state.names)) or "the authority"
        click.echo(f"{state.path}  until {state.ends:%Y-%m-%d %H:%M} UTC  {due}\n    {holder}")


def _guarded(step: Callable[[], object]) -> None:
    try:
        step()
    except (OSError, ValueError) as error:
        click.echo(f"pulsemesh-server: {error}", err=True)
        sys.exit(ExitCode.USAGE)
