"""`pulsemesh gear`: bikes, shoes and components, and what workouts were done with."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, distance, local_time
from pulsemesh.cli.gear_tables import (
    as_price,
    differences_table,
    gear_table,
    installations_table,
    rules_table,
    seen_tables,
    services_table,
    show_gear,
    workouts_table,
)
from pulsemesh.cli.options import SportName, json_option, moment
from pulsemesh.cli.references import ULID_LENGTH, find_workout
from pulsemesh.cli.session import Session, command
from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.type.v1 import sport_pb2

__all__ = ["gear"]

_METRICS = click.Choice(["distance", "duration", "age"])
_UNITS = {"distance": 1000.0, "duration": 3600.0, "age": 1.0}

_at = click.option("--at", type=click.DateTime(), default=None, help="When it was; now, unless given.")


@click.group()
def gear() -> None:
    """Your bikes, shoes and components: what they did, and when they are worn.

    GEAR is an id, an end of one, or a name.
    """


@gear.command("list")
@click.option("--all", "with_retired", is_flag=True, help="Retired gear too.")
@json_option
@command
async def list_gear(session: Session, *, with_retired: bool) -> None:
    """List your gear with what it did."""
    async with session.client() as client:
        found = [each async for each in client.gear.list(with_retired=with_retired, page_size=200)]
    if session.as_json:
        for each in found:
            click.echo(as_json_line(as_dict(each)))
    elif found:
        session.console.print(gear_table(found))
    else:
        click.echo("There is no gear yet: pulsemesh gear add bike 'My bike'.", err=True)


@gear.command("add")
@click.argument("kind")
@click.argument("name")
@click.option("--brand", default="", help="Who made it.")
@click.option("--model", default="", help="What the maker calls it.")
@click.option("--purchased", type=click.DateTime(["%Y-%m-%d"]), default=None, help="A day, 2026-05-31.")
@click.option("--price", type=float, default=None, help="What it cost.")
@click.option("--currency", default="EUR", show_default=True, help="Of the price.")
@click.option("--weight", "weight_g", type=click.IntRange(0), default=0, help="In grams.")
@click.option("--notes", default="", help="Whatever else there is to say.")
@click.option("--earlier-km", type=click.FloatRange(0), default=0.0, help="What it did before.")
@click.option("--imported-name", "imported", multiple=True, help="How files and archives call it.")
@click.option("--targets", is_flag=True, help="Set the usual limits of a component's type.")
@json_option
@command
async def add(
    session: Session,
    *,
    kind: str,
    name: str,
    brand: str,
    model: str,
    purchased: datetime | None,
    price: float | None,
    currency: str,
    weight_g: int,
    notes: str,
    earlier_km: float,
    imported: tuple[str, ...],
    targets: bool,
) -> None:
    """Add gear. KIND is bike, shoes, other, or the type of a component, such as chain."""
    paid = None if price is None else as_price(price, currency)
    async with session.client() as client:
        whole = kind.lower() in {"bike", "shoes", "other"}
        if not whole:
            known = [each.code for each in await client.gear.component_types()]
            if kind.lower() not in known:
                raise CommandFailure(
                    f"{kind!r} is neither bike, shoes, other nor a component: {', '.join(known)}", Exit.USAGE
                )
        made = await client.gear.add(
            kind.lower() if whole else "component",
            name,
            component_type="" if whole else kind.lower(),
            brand=brand,
            model=model,
            purchased_on=purchased.date().isoformat() if purchased else "",
            price=paid,
            weight_g=weight_g,
            notes=notes,
            earlier_distance_m=earlier_km * 1000,
            imported_names=imported,
            usual_targets=targets,
        )
    _show(session, made)


@gear.command("show")
@click.argument("gear")
@click.option("--limit", "-n", type=click.IntRange(1), default=10, show_default=True, help="At most so many.")
@json_option
@command
async def show(session: Session, *, gear: str, limit: int) -> None:
    """Show gear: usage, wear, where it sat or what sits on it, its log, its last workouts."""
    async with session.client() as client:
        found = await _find(client, gear)
        names = {each.gear_id: each.name async for each in client.gear.list(with_retired=True)}
        put_on = [each async for each in client.gear.installations(found.gear_id, limit=limit)]
        records = [each async for each in client.gear.services(found.gear_id, limit=limit)]
        workouts = [each async for each in client.gear.workouts(found.gear_id, limit=limit)]
    _show(session, found)
    if session.as_json:
        for message in (*put_on, *records, *workouts):
            click.echo(as_json_line(as_dict(message)))
        return
    tables = (installations_table(put_on, names), services_table(records), workouts_table(workouts))
    for table in tables:
        if table.row_count:
            session.console.print()
            session.console.print(table)


@gear.command("edit")
@click.argument("gear")
@click.option("--name", default=None, help="Another name.")
@click.option("--brand", default=None, help="Who made it.")
@click.option("--model", default=None, help="What the maker calls it.")
@click.option("--notes", default=None, help="Whatever else there is to say.")
@click.option("--weight", "weight_g", type=click.IntRange(0), default=None, help="In grams.")
@click.option("--purchased", type=click.DateTime(["%Y-%m-%d"]), default=None, help="A day, 2026-05-31.")
@json_option
@command
async def edit(
    session: Session,
    *,
    gear: str,
    name: str | None,
    brand: str | None,
    model: str | None,
    notes: str | None,
    weight_g: int | None,
    purchased: datetime | None,
) -> None:
    """Change what is known of gear."""
    given = {
        "name": name,
        "brand": brand,
        "model": model,
        "notes": notes,
        "weight_g": weight_g,
        "purchased_on": purchased.date().isoformat() if purchased else None,
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise CommandFailure("Say what is to change.", Exit.USAGE)
    async with session.client() as client:
        found = await _find(client, gear)
        change = gear_pb2.Gear(gear_id=found.gear_id, **changes)  # type: ignore[arg-type]
        _show(session, await client.gear.update(change, *changes, etag=found.etag))


@gear.command("retire")
@click.argument("gear")
@_at
@click.option("--undo", is_flag=True, help="Put it back into use.")
@json_option
@command
async def retire(session: Session, *, gear: str, at: datetime | None, undo: bool) -> None:
    """Take gear out of use; what it did stays."""
    async with session.client() as client:
        gear_id = (await _find(client, gear)).gear_id
        if undo:
            _show(session, await client.gear.restore(gear_id))
        else:
            _show(session, await client.gear.retire(gear_id, moment(at)))


@gear.command("delete")
@click.argument("gear")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@command
async def delete(session: Session, *, gear: str, yes: bool) -> None:
    """Delete gear with its notes, log and targets; what its components did stays theirs."""
    async with session.client() as client:
        found = await _find(client, gear)
        if not yes and not session.as_json:
            click.confirm(f"Delete {found.name}?", abort=True)
        deleted = await client.gear.delete(found.gear_id)
    if session.as_json:
        click.echo(as_json_line({"gear_id": found.gear_id, "deleted": deleted}))
    else:
        click.echo("Deleted." if deleted else "There was nothing to delete.")


@gear.command("install")
@click.argument("component")
@click.argument("gear")
@_at
@json_option
@command
async def install(session: Session, *, component: str, gear: str, at: datetime | None) -> None:
    """Put COMPONENT on GEAR, off what it sat on."""
    async with session.client() as client:
        part, place = await _find(client, component), await _find(client, gear)
        made = await client.gear.install(part.gear_id, place.gear_id, moment(at))
    if session.as_json:
        click.echo(as_json_line(as_dict(made)))
    else:
        click.echo(f"{part.name} is on {place.name} since {local_time(made.installed_at)}.")


@gear.command("remove")
@click.argument("component")
@_at
@json_option
@command
async def remove(session: Session, *, component: str, at: datetime | None) -> None:
    """Take COMPONENT off what it sits on."""
    async with session.client() as client:
        part = await _find(client, component)
        ended = await client.gear.remove(part.gear_id, moment(at))
    if session.as_json:
        click.echo(as_json_line({} if ended is None else as_dict(ended)))
    elif ended is None:
        click.echo("It sat nowhere.")
    else:
        click.echo(f"{part.name} is off; there it did {distance(ended.usage.distance_m)}.")


@gear.command("service")
@click.argument("gear")
@click.argument("description")
@_at
@click.option("--cost", type=click.FloatRange(0), default=None, help="What it cost.")
@click.option("--currency", default="EUR", show_default=True, help="Of the cost.")
@click.option("--resets", type=_METRICS, multiple=True, help="A target that counts anew from then on.")
@json_option
@command
async def service(
    session: Session,
    *,
    gear: str,
    description: str,
    at: datetime | None,
    cost: float | None,
    currency: str,
    resets: tuple[str, ...],
) -> None:
    """Write down what was done to gear."""
    paid = None if cost is None else as_price(cost, currency)
    async with session.client() as client:
        found = await _find(client, gear)
        record = await client.gear.add_service(
            found.gear_id, description, moment(at) or datetime.now(UTC), cost=paid, resets=resets
        )
        after = await client.gear.get(found.gear_id)
    if session.as_json:
        click.echo(as_json_line(as_dict(record)))
    else:
        show_gear(session.console, after)


@gear.command("target")
@click.argument("gear")
@click.argument("metric", type=_METRICS)
@click.argument("limit", type=click.FloatRange(0))
@json_option
@command
async def target(session: Session, *, gear: str, metric: str, limit: float) -> None:
    """Set when gear is worn: kilometres of distance, hours of duration, days of age; 0 takes it away."""
    async with session.client() as client:
        gear_id = (await _find(client, gear)).gear_id
        if limit:
            _show(session, await client.gear.set_target(gear_id, metric, limit * _UNITS[metric]))
        else:
            await client.gear.delete_target(gear_id, metric)
            _show(session, await client.gear.get(gear_id))


@gear.command("alerts")
@json_option
@command
async def alerts(session: Session) -> None:
    """List what is worn, or nearly."""
    async with session.client() as client:
        found = await client.gear.alerts()
    for alert in found:
        if session.as_json:
            click.echo(as_json_line(as_dict(alert)))
        else:
            click.echo(f"{alert.gear.name}: {alert.target.percent} % of its limit")
    if not found and not session.as_json:
        click.echo("Nothing is worn.", err=True)


@gear.command("default")
@click.argument("gear", nargs=-1)
@click.option("--sport", type=SportName(), default=None, help="For workouts of this sport.")
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
        gear_ids = [(await _find(client, each)).gear_id for each in gear]

        async def put(*, past: bool, dry_run: bool) -> int:
            return await client.gear.set_rule(
                gear_ids,
                sport=sport,
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


@gear.command("assign")
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
            gear_ids = [(await _find(client, each)).gear_id for each in gear]
            given = await client.gear.assign(workout_id, gear_ids)
        names = [(await client.gear.get(each.gear_id)).name for each in given]
    if session.as_json:
        for each in given:
            click.echo(as_json_line(as_dict(each)))
    else:
        click.echo(", ".join(names) or "no gear")


@gear.command("recompute")
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


def _show(session: Session, found: gear_pb2.Gear) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(found)))
    else:
        show_gear(session.console, found)


async def _find(client: Client, reference: str) -> gear_pb2.Gear:
    """Return the gear that `reference` means: an id, an end of one, or a name."""
    wanted = reference.upper().lstrip("…")
    if len(wanted) == ULID_LENGTH and " " not in wanted:
        return await client.gear.get(wanted)
    known = [each async for each in client.gear.list(with_retired=True, page_size=200)]
    named = [each for each in known if each.name.casefold() == reference.casefold()]
    found = named or [each for each in known if each.gear_id.endswith(wanted)]
    if len(found) == 1:
        return found[0]
    many = f"{reference} fits {len(found)} pieces of gear." if found else f"No gear is called {reference}."
    raise CommandFailure(many, Exit.NOT_FOUND, hint="pulsemesh gear list --all shows what there is")
