"""`pulsemesh-edge`: its commands and what they have in common."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from ingest_edge.cli.context import EdgeContext
from ingest_edge.cli.exit_codes import EXIT_CODE_HELP, ExitCode
from ingest_edge.cli.import_files import import_command
from ingest_edge.cli.imports import imports_command
from ingest_edge.cli.inspect import inspect_command
from ingest_edge.cli.output import Output
from ingest_edge.cli.record import record_command
from ingest_edge.cli.scan import scan_command
from ingest_edge.cli.simulate import simulate_command
from ingest_edge.cli.status import status_command
from ingest_edge.cli.sync import sync_command
from ingest_edge.cli.watch_folder import watch_command
from ingest_edge.settings import SettingsError, load_settings

_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(epilog=EXIT_CODE_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=_FOLDER, help="Folder of settings, remembered sensors and spool.")
@click.option("--spool", type=_FOLDER, help="Folder of the spool, where it is not in the home.")
@click.option("--target", help="Where the platform is: host, host:port or a URL.")
@click.option("--token-file", type=click.Path(path_type=Path), help="File that holds the access token.")
@click.option("--login", help="Get a token for this name from a development platform.")
@click.version_option(package_name="pulsemesh-edge", prog_name="pulsemesh-edge")
@click.pass_context
def cli(
    context: click.Context,
    *,
    home: Path | None,
    spool: Path | None,
    target: str | None,
    token_file: Path | None,
    login: str | None,
) -> None:
    """Bring sensors and device files to the platform, without losing a sample.

    Everything is kept in a spool on this machine until the platform has stored it. Settings come from
    config.toml in the home, then from PULSEMESH_EDGE_* in the environment, then from these options.
    """
    overrides = {"spool": spool, "target": target, "token_file": token_file, "login": login}
    try:
        context.obj = EdgeContext(load_settings(home, overrides))
    except SettingsError as error:
        Output(as_json=False).problem(str(error))
        sys.exit(ExitCode.USAGE)


for command in (
    scan_command,
    record_command,
    import_command,
    imports_command,
    inspect_command,
    watch_command,
    sync_command,
    status_command,
    simulate_command,
):
    cli.add_command(command)


def main() -> None:
    """The entry point of the installed command."""
    # The C core tells of every connection that goes away; we say what matters ourselves.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    cli(prog_name="pulsemesh-edge")


if __name__ == "__main__":
    main()
