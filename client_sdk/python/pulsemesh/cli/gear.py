"""`pulsemesh gear`: bikes, shoes and components, and what workouts were done with."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pulsemesh.cli import gear_assigning
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, distance, local_time
from pulsemesh.cli.gear_references import find_gear
from pulsemesh.cli.gear_tables import (
    as_price,
    gear_table,
    installations_table,
    services_table,
    show_gear,
    workouts_table,
)
from pulsemesh.cli.options import json_option, moment
from pulsemesh.cli.session import Session, command
from pulsemesh.profile.v1 import gear_pb2

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
        found = await find_gear(client, gear)
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
        found = await find_gear(client, gear)
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
        gear_id = (await find_gear(client, gear)).gear_id
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
        found = await find_gear(client, gear)
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
        part, place = await find_gear(client, component), await find_gear(client, gear)
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
        part = await find_gear(client, component)
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
        found = await find_gear(client, gear)
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
        gear_id = (await find_gear(client, gear)).gear_id
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


def _show(session: Session, found: gear_pb2.Gear) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(found)))
    else:
        show_gear(session.console, found)


for _command in (gear_assigning.default, gear_assigning.assign, gear_assigning.recompute):
    gear.add_command(_command)
