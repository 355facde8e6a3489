"""`pulsemesh gear default`, `assign`, `recompute`: what workouts were done with."""

from __future__ import annotations

import click

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line
from pulsemesh.cli.gear_references import find_gear
from pulsemesh.cli.gear_tables import differences_table, rules_table, seen_tables
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.references import find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2

__all__ = ["assign", "default", "recompute"]


@click.command("default")
@click.argument("gear", nargs=-1)
@click.option("--sport", type=SportName(), default=None, help="For workouts of this sport.")
@click.option("--sub-sport", default="", help="Only of this kind of it: gravel, trail.")
@click.option("--sensor", default="", help="For workouts that this device measured.")
@click.option("--imported-name", default="", help="For workouts whose file says so.")
@click.option("--old-workouts/--from-now-on", default=None, help="Whether old workouts get it too.")
@click.option("--list", "listing", is_flag=True, help="Show the rules, and what was seen.")
@json_option
@command
async def default(
    session: Session,
    *,
    gear: tuple[str, ...],
    sport: sport_pb2.Sport.ValueType | None,
    sub_sport: str,
    sensor: str,
    imported_name: str,
    old_workouts: bool | None,
    listing: bool,
) -> None:
    """Say which GEAR workouts get when nobody says otherwise; none ends the rule."""
    async with session.client() as client:
        if listing:
            await _list_rules(session, client)
            return
        if sum((sport is not None, bool(sensor), bool(imported_name))) != 1:
            raise CommandFailure("Give --sport, --sensor or --imported-name.", Exit.USAGE)
        gear_ids = [(await find_gear(client, each)).gear_id for each in gear]

        async def put(*, past: bool, dry_run: bool) -> int:
            return await client.gear.set_rule(
                gear_ids,
                sport=sport,
                sub_sport=_sub_sport(sub_sport),
                device_id=sensor,
                imported_name=imported_name,
                old_workouts_too=past,
                dry_run=dry_run,
            )

        if old_workouts is None:
            touched = await put(past=True, dry_run=True)
            old_workouts = False
            if touched and not session.as_json:
                old_workouts = click.confirm(f"Change {touched} old workouts too?", default=False)
        changed = await put(past=old_workouts, dry_run=False)
    if session.as_json:
        click.echo(as_json_line({"workouts": changed}))
    else:
        click.echo(f"Done; {changed} workouts changed.")


@click.command("assign")
@click.argument("workout")
@click.argument("gear", nargs=-1)
@click.option("--by-rules", is_flag=True, help="Let the rules decide again.")
@json_option
@command
async def assign(session: Session, *, workout: str, gear: tuple[str, ...], by_rules: bool) -> None:
    """Say what WORKOUT was done with: a bike and shoes, or nothing that you have here."""
    async with session.client() as client:
        workout_id = await find_workout(client, workout)
        if by_rules:
            given = await client.gear.assign_by_rules(workout_id)
        else:
            gear_ids = [(await find_gear(client, each)).gear_id for each in gear]
            given = await client.gear.assign(workout_id, gear_ids)
        names = [(await client.gear.get(each.gear_id)).name for each in given]
    if session.as_json:
        for each in given:
            click.echo(as_json_line(as_dict(each)))
    else:
        click.echo(", ".join(names) or "no gear")


@click.command("recompute")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@json_option
@command
async def recompute(session: Session, *, dry_run: bool) -> None:
    """Count all workouts again, and put right what differs."""
    async with session.client() as client:
        done = await client.gear.recompute(dry_run=dry_run)
        names = {each.gear_id: each.name async for each in client.gear.list(with_retired=True)}
    if session.as_json:
        click.echo(as_json_line(as_dict(done)))
        return
    word = "would change" if dry_run else "changed"
    click.echo(f"{done.workouts} workouts; {done.workouts_changed} {word}.")
    if done.differences:
        session.console.print(differences_table(done, names))


def _sub_sport(name: str) -> sport_pb2.SubSport.ValueType:
    wanted = "SUB_SPORT_" + (name or "unspecified").upper().replace("-", "_").replace(" ", "_")
    try:
        return sport_pb2.SubSport.Value(wanted)
    except ValueError:
        raise CommandFailure(f"{name!r} is no kind of a sport.", Exit.USAGE) from None


async def _list_rules(session: Session, client: Client) -> None:
    names = {each.gear_id: each.name async for each in client.gear.list(with_retired=True)}
    rules, seen = await client.gear.rules(), await client.gear.seen()
    if session.as_json:
        for rule in rules:
            click.echo(as_json_line(as_dict(rule)))
        click.echo(as_json_line(as_dict(seen)))
        return
    session.console.print(rules_table(rules, names))
    for table in seen_tables(seen, names):
        session.console.print()
        session.console.print(table)
