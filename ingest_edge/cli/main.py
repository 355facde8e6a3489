"""`pulsemesh-edge`: its commands and what they have in common."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import cast

import click

from ingest_edge.cli.exit_codes import EXIT_CODE_HELP, ExitCode

_FOLDER = click.Path(file_okay=False, path_type=Path)

# A command is imported when it is called: the processes that decode files import this module too (whatever
# is spawned imports the program it was spawned by), and need none of them.
_COMMANDS = {
    "scan": "scan:scan_command",
    "record": "record:record_command",
    "import": "import_files:import_command",
    "imports": "imports:imports_command",
    "login": "login:login_command",
    "logout": "login:logout_command",
    "inspect": "inspect:inspect_command",
    "watch": "watch_folder:watch_command",
    "sync": "sync:sync_command",
    "status": "status:status_command",
    "simulate": "simulate:simulate_command",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        return cast(click.Command, getattr(importlib.import_module(f"ingest_edge.cli.{module}"), name))


@click.group(cls=_Commands, epilog=EXIT_CODE_HELP, context_settings={"help_option_names": ["-h", "--help"]})
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
    from ingest_edge.cli.context import EdgeContext  # noqa: PLC0415 - see _COMMANDS
    from ingest_edge.cli.output import Output  # noqa: PLC0415
    from ingest_edge.settings import SettingsError, load_settings  # noqa: PLC0415

    overrides = {"spool": spool, "target": target, "token_file": token_file, "login": login}
    try:
        context.obj = EdgeContext(load_settings(home, overrides))
    except SettingsError as error:
        Output(as_json=False).problem(str(error))
        sys.exit(ExitCode.USAGE)


def main() -> None:
    """The entry point of the installed command."""
    # The C core tells of every connection that goes away; we say what matters ourselves.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    cli(prog_name="pulsemesh-edge")


if __name__ == "__main__":
    main()
