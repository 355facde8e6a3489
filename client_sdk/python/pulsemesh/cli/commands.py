"""The `pulsemesh` command and its subcommands."""

from __future__ import annotations

import click

from pulsemesh.cli import (
    account,
    accounts,
    apps,
    comparing,
    consent,
    devices,
    duplicates,
    editing,
    exporting,
    fitness,
    gear,
    listing,
    profile,
    records,
    revising,
    rights,
    second_factors,
    segments,
    showing,
    sign_in,
    thresholds,
    totals,
    watching,
)
from pulsemesh.cli.session import Session

__all__ = ["cli"]


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
    accounts.signup,
    accounts.verify,
    accounts.sessions,
    account.account,
    second_factors.second_factors,
    devices.device,
    apps.apps,
    listing.list_workouts,
    showing.show,
    watching.watch,
    exporting.export,
    comparing.compare,
    gear.gear,
    profile.profile,
    segments.segments,
    segments.routes,
    fitness.fitness,
    totals.totals,
    records.records,
    thresholds.thresholds,
    revising.crop,
    revising.cut,
    revising.correct,
    revising.split,
    revising.merge,
    revising.revert,
    duplicates.duplicates,
    consent.consent,
    rights.rights,
    editing.edit,
    editing.delete,
):
    cli.add_command(_command)
