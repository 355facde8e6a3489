"""`pulsemesh-server gateway …` and `pulsemesh-server up`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from services.chassis.settings import Settings, SettingsError, load_settings, require_domain_settings
from services.host.exit_codes import ExitCode
from services.host.registry import domain_settings

_DATA_DIR = click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Embedded files.  [PULSEMESH_DATA_DIR]"
)
_READY_FILE = click.option(
    "--ready-file",
    type=click.Path(path_type=Path),
    help="Write the bound addresses here, as JSON, once calls are taken.",
)


def _settings(data_dir: Path | None, **overrides: Any) -> Settings:
    chosen = {name: value for name, value in overrides.items() if value is not None}
    if data_dir is not None:
        chosen["data_dir"] = data_dir
    try:
        settings = load_settings(chosen)
        require_domain_settings(domain_settings())
    except SettingsError as error:
        lines = "\n  ".join(error.problems)
        click.echo(f"pulsemesh-server: settings that cannot be used:\n  {lines}", err=True)
        sys.exit(ExitCode.USAGE)
    return settings


@click.group()
def gateway() -> None:
    """The one door: Envoy, configured from the contracts."""


@gateway.command()
@_DATA_DIR
@_READY_FILE
def run(data_dir: Path | None, ready_file: Path | None) -> None:
    """Run the gateway before services that run elsewhere, until SIGTERM or SIGINT; SIGHUP reloads."""
    settings = _settings(data_dir)
    from services.host.gateway_running import run_gateway  # noqa: PLC0415

    sys.exit(run_gateway(settings, ready_file))


@gateway.command()
@_DATA_DIR
def reload(data_dir: Path | None) -> None:
    """Make the running gateway's configuration anew; no call is lost over it."""
    settings = _settings(data_dir)
    from services.host.gateway_running import run_reload  # noqa: PLC0415

    sys.exit(run_reload(settings))


@gateway.command()
@_DATA_DIR
def validate(data_dir: Path | None) -> None:
    """Let Envoy judge the configuration that the settings make."""
    settings = _settings(data_dir)
    from services.host.gateway_running import run_validate  # noqa: PLC0415

    sys.exit(run_validate(settings))


@gateway.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("deploy"))
@click.option("--cell", default="eu", show_default=True, help="The cell that is deployed.")
@click.option("--check", is_flag=True, help="Change nothing; fail when something would change.")
def render(folder: Path, cell: str, check: bool) -> None:
    """Write what is made from the contracts: into FOLDER the gateway and the manifests for Kubernetes, beside
    it docs/openapi.yaml.
    """
    from services.host.gateway_rendering import outdated, write_all  # noqa: PLC0415

    if not check:
        for path in write_all(folder, cell=cell):
            click.echo(str(path))
        return
    stale = outdated(folder, cell=cell)
    for path in stale:
        click.echo(f"does not match the contracts: {path}", err=True)
    if stale:
        click.echo("Run 'make gateway' and commit what it changes.", err=True)
        sys.exit(ExitCode.FAILED)
    click.echo("gateway, manifests, OpenAPI: no diff")


@gateway.command()
@click.option("--listen", required=True, help="Loopback address and port.")
def limits(listen: str) -> None:
    """Count the limits that all gateway processes share, in the store of PULSEMESH_STORE__LIMITS_URL."""
    settings = _settings(None)
    from services.host.gateway_running import run_limits  # noqa: PLC0415

    sys.exit(run_limits(settings, listen))


@gateway.command()
@click.option("--admin", required=True, help="Address and port of Envoy's admin page.")
@click.option("--within", default=25.0, show_default=True, help="Seconds that calls are given to end.")
def drain(admin: str, within: float) -> None:
    """Tell an Envoy's clients to go, and return when their calls have ended."""
    from services.host.gateway_running import run_drain  # noqa: PLC0415

    sys.exit(run_drain(admin, within))


@click.command()
@click.argument("domains", nargs=-1)
@click.option("--listen", help="The services' own address and port.  [PULSEMESH_SERVER__LISTEN]")
@_DATA_DIR
@_READY_FILE
def up(domains: tuple[str, ...], listen: str | None, data_dir: Path | None, ready_file: Path | None) -> None:
    """Serve DOMAINS, or all, with the gateway before them, until SIGTERM or SIGINT."""
    settings = _settings(data_dir, server={"listen": listen} if listen else None)
    from services.host.gateway_running import run_up  # noqa: PLC0415

    sys.exit(run_up(settings, domains, ready_file))
