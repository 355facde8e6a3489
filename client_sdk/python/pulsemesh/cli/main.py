"""The `pulsemesh` command."""

from __future__ import annotations

import sys

from pulsemesh.cli.failures import Exit

try:
    import click
    import plotext  # noqa: F401
    import rich  # noqa: F401
except ImportError as missing:
    sys.stderr.write(f"Error: {missing}\nHint: the command needs the extra: pip install 'pulsemesh[cli]'\n")
    raise SystemExit(int(Exit.FAILED)) from None

from pulsemesh.cli import editing, exporting, listing, showing, sign_in, watching
from pulsemesh.cli.session import Session

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--target", "-t", envvar="PULSEMESH_TARGET", default="", help="The platform: HOST, HOST:PORT or a URL."
)
@click.option("--token", envvar="PULSEMESH_TOKEN", default="", help="An access token, instead of a sign-in.")
@click.version_option(package_name="pulsemesh")
@click.pass_context
def cli(context: click.Context, target: str, token: str) -> None:
    """Your workouts on a Pulsemesh platform: sign in, list, show, watch, export, edit.

    Exit codes: 0 done, 1 failed, 2 not understood, 3 not signed in or not allowed, 4 not found,
    5 platform unavailable, 6 changed meanwhile, 130 interrupted.
    """
    context.obj = Session(given_target=target, given_token=token)


for _command in (
    sign_in.login,
    sign_in.logout,
    listing.list_workouts,
    showing.show,
    watching.watch,
    exporting.export,
    editing.edit,
    editing.delete,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line."""
    cli(prog_name="pulsemesh")
