"""The command `pulsemesh-server`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from services.chassis.settings import (
    Settings,
    SettingsError,
    load_settings,
    require_domain_settings,
    settings_table,
)
from services.chassis.settings.documentation import as_markdown, as_text
from services.host.audit_commands import audit
from services.host.certificate_commands import certificates
from services.host.consent_commands import consent
from services.host.exit_codes import ExitCode
from services.host.gateway_commands import gateway, up
from services.host.key_commands import keys
from services.host.registry import domain_settings
from services.host.rights_commands import rights
from services.host.staff_commands import staff


def _fail(message: str, code: ExitCode) -> NoReturn:
    click.echo(f"pulsemesh-server: {message}", err=True)
    sys.exit(code)


def _settings(**overrides: Any) -> Settings:
    """Settings of the environment, with what the command line says on top."""
    nested: dict[str, Any] = {}
    for path, value in overrides.items():
        if value is None:
            continue
        group, _, name = path.partition("__")
        if name:
            nested.setdefault(group, {})[name] = value
        else:
            nested[group] = value
    try:
        settings = load_settings(nested)
        require_domain_settings(domain_settings())
    except SettingsError as error:
        _fail("settings that cannot be used:\n  " + "\n  ".join(error.problems), ExitCode.USAGE)
    return settings


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Serve the Pulsemesh platform, or any of its domains.

    Settings are environment variables; `pulsemesh-server settings` lists them.
    """


@main.command()
@click.argument("domains", nargs=-1)
@click.option("--listen", help="Address and port; port 0 takes a free one.  [PULSEMESH_SERVER__LISTEN]")
@click.option("--workers", type=int, help="Processes that share the port.  [PULSEMESH_SERVER__WORKERS]")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded files.  [PULSEMESH_DATA_DIR]")
@click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    help="Write the bound address here, as JSON, once calls are taken.",
)
@click.option("--worker-number", type=int, hidden=True)
def serve(  # noqa: PLR0917 - click passes them by name
    domains: tuple[str, ...],
    listen: str | None,
    workers: int | None,
    data_dir: Path | None,
    ready_file: Path | None,
    worker_number: int | None,
) -> None:
    """Serve DOMAINS, or all of them, until SIGTERM or SIGINT."""
    settings = _settings(server__listen=listen, server__workers=workers, data_dir=data_dir)
    if settings.server.workers > 1 and worker_number is None:
        from services.host.supervisor import supervise  # noqa: PLC0415

        sys.exit(supervise(settings, domains, ready_file=ready_file))
    from services.host.running import run_server  # noqa: PLC0415 - imports grpc, which workers must not inherit

    sys.exit(run_server(settings, domains, ready_file=ready_file, worker=worker_number))


@main.command("settings")
@click.option("--markdown", is_flag=True, help="As the page docs/settings.md.")
def show_settings(markdown: bool) -> None:
    """Print every setting with its type, default and meaning."""
    rows = settings_table(domain_settings())
    click.echo(as_markdown(rows) if markdown else as_text(rows))


@main.command("processing")
def show_processing() -> None:
    """Print the record of processing: what is kept of people, where, and for what they are asked."""
    from services.host.processing import record_of_processing  # noqa: PLC0415
    from services.host.registry import domain_names, load_modules  # noqa: PLC0415

    click.echo(record_of_processing(load_modules(domain_names())))


@main.command()
@click.argument("login")
@click.option(
    "--scope", "scopes", multiple=True, help="May be repeated; all that such a caller may have if absent."
)
@click.option("--device", is_flag=True, help="For a sensor gateway acting for the person.")
@click.option("--lifetime", default=3_600, show_default=True, help="Seconds.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where the key is.  [PULSEMESH_DATA_DIR]")
def token(login: str, scopes: tuple[str, ...], device: bool, lifetime: int, data_dir: Path | None) -> None:
    """Print an access token for LOGIN (development only)."""
    settings = _settings(data_dir=data_dir)
    from services.host.tokens import development_token  # noqa: PLC0415

    try:
        click.echo(development_token(settings, login, scopes=scopes, device=device, lifetime_s=lifetime))
    except ValueError as error:
        _fail(str(error), ExitCode.USAGE)


@main.command()
@click.argument("domains", nargs=-1)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded files.  [PULSEMESH_DATA_DIR]")
def migrate(domains: tuple[str, ...], data_dir: Path | None) -> None:
    """Apply the missing migrations of DOMAINS, or of all of them."""
    settings = _settings(data_dir=data_dir)
    from services.host.running import run_migrate  # noqa: PLC0415

    sys.exit(run_migrate(settings, domains))


@main.command()
@click.argument("domains", nargs=-1)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Embedded files.  [PULSEMESH_DATA_DIR]")
def check(domains: tuple[str, ...], data_dir: Path | None) -> None:
    """Check policies, settings and what DOMAINS (or all) would connect to; changes nothing."""
    settings = _settings(data_dir=data_dir)
    from services.host.running import run_check  # noqa: PLC0415

    sys.exit(run_check(settings, domains))


main.add_command(audit)
main.add_command(certificates)
main.add_command(consent)
main.add_command(rights)
main.add_command(staff)
main.add_command(gateway)
main.add_command(keys)
main.add_command(up)

if __name__ == "__main__":
    main()
