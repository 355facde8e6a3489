"""`pulsemesh profile`: who you are to others, and what they may see."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from google.protobuf.message import Message
from rich.table import Table

from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.fitness import DAY
from pulsemesh.cli.formats import as_dict, as_json_line, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.session import Session, command
from pulsemesh.parts.profile import ASPECTS, AUDIENCES, QUANTITIES
from pulsemesh.profile.v1 import physiology_pb2, privacy_pb2, profile_pb2
from pulsemesh.type.v1 import sport_pb2

__all__ = ["profile"]

_TEXTS = {
    "display-name": ("display_name", "What others call you"),
    "bio": ("bio", "A few words of yourself"),
    "place": ("place", "A town or region"),
    "birth-date": ("birth_date", "YYYY-MM-DD; others see the age at most"),
    "language": ("language", "Such as de or pt-BR"),
    "time-zone": ("time_zone", "Such as Europe/Berlin"),
}
_SEXES = {
    name.removeprefix("PROFILE_SEX_").lower(): number for name, number in profile_pb2.ProfileSex.items()
}
_SYSTEMS = {"metric": profile_pb2.UNIT_SYSTEM_METRIC, "imperial": profile_pb2.UNIT_SYSTEM_IMPERIAL}
_QUANTITY_NAMES = {number: name for name, number in QUANTITIES.items()}

_sport_option = click.option("--sport", type=SportName(), help="For this sport alone.")


@click.group()
def profile() -> None:
    """Show and change your profile: who you are to others, and what they may see."""


@profile.command("show")
@click.argument("person", default="")
@json_option
@command
async def show(session: Session, *, person: str) -> None:
    """Show your profile, or what you may see of PERSON: a user id or an @handle."""
    async with session.client() as client:
        found: Message = await (client.profile.of(person) if person else client.profile.get())
    _told(session, found)


@profile.command("set")
@click.option("--sex", type=click.Choice(list(_SEXES)))
@click.option("--units", type=click.Choice(list(_SYSTEMS)), help="For everything that is shown to you.")
@click.option("--link", "links", multiple=True, help="https only; may be repeated, replaces all.")
@json_option
@command
async def set_profile(
    session: Session,
    /,
    *,
    sex: str | None,
    units: str | None,
    links: tuple[str, ...],
    **texts: str | None,
) -> None:
    """Change what is given; an empty text takes back."""
    fields: dict[str, Any] = {name: text for name, text in texts.items() if text is not None}
    if sex is not None:
        fields["sex"] = _SEXES[sex]
    if units is not None:
        quantities = profile_pb2.Units.DESCRIPTOR.fields
        fields["units"] = profile_pb2.Units(**{field.name: _SYSTEMS[units] for field in quantities})
    if links:
        fields["links"] = [link for link in links if link]
    if not fields:
        raise CommandFailure("Nothing to change.", Exit.USAGE, hint="pulsemesh profile set --help")
    async with session.client() as client:
        changed = await client.profile.update(**fields)
    _told(session, changed)


for _option, (_field, _label) in reversed(_TEXTS.items()):
    click.option(f"--{_option}", _field, help=_label + ".")(set_profile)


@profile.command("handle")
@click.argument("handle")
@click.option("--check", is_flag=True, help="Only say whether it can be had.")
@json_option
@command
async def claim_handle(session: Session, *, handle: str, check: bool) -> None:
    """Take HANDLE as yours. The old one leads to you for 90 days; it can be changed every 30."""
    async with session.client() as client:
        if check:
            click.echo(await client.profile.check_handle(handle))
            return
        _told(session, await client.profile.claim_handle(handle))


@profile.command("avatar")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--delete", is_flag=True, help="Have no picture.")
@command
async def avatar(session: Session, *, file: Path | None, delete: bool) -> None:
    """Make FILE (JPEG, PNG or WebP, at most 8 MiB) your picture."""
    if (file is None) != delete:
        raise CommandFailure("Give a file, or --delete.", Exit.USAGE)
    async with session.client() as client:
        if file is None:
            await client.profile.delete_avatar()
        else:
            click.echo(await client.profile.upload_avatar(file))


@profile.group("physiology", invoke_without_command=True)
@click.pass_context
def physiology(context: click.Context) -> None:
    """Show what your body is known to do today, or say it: `set`, `history`, `delete`."""
    if context.invoked_subcommand is None:
        context.invoke(_held)


@click.command()
@command
async def _held(session: Session) -> None:
    async with session.client() as client:
        _values(session, await client.profile.physiology())


@physiology.command("history")
@json_option
@command
async def history(session: Session) -> None:
    """List what was said, the latest day first."""
    async with session.client() as client:
        _values(session, [value async for value in client.profile.physiology_history()])


@physiology.command("set")
@click.argument("quantity", type=click.Choice(list(QUANTITIES)))
@click.argument("value", type=float)
@click.option("--from", "first", type=DAY, help="From this day on; since ever where it is not given.")
@_sport_option
@json_option
@command
async def set_physiology(
    session: Session,
    *,
    quantity: str,
    value: float,
    first: datetime | None,
    sport: sport_pb2.Sport.ValueType | None,
) -> None:
    """Say what holds: W, J, bpm, m/s, kg, m or ml/(kg min)."""
    async with session.client() as client:
        told = await client.profile.set_physiology(
            {quantity: value}, effective_from=first.date() if first else None, sport=sport
        )
    _values(session, told)


@physiology.command("delete")
@click.argument("quantity", type=click.Choice(list(QUANTITIES)))
@click.argument("effective_from", metavar="DAY|ever")
@_sport_option
@command
async def delete_physiology(
    session: Session, *, quantity: str, effective_from: str, sport: sport_pb2.Sport.ValueType | None
) -> None:
    """Take back what was said of a day, as `history` lists it."""
    day = None if effective_from == "ever" else effective_from
    async with session.client() as client:
        deleted = await client.profile.delete_physiology(quantity, day, sport=sport)
    click.echo("Taken back." if deleted else "Nothing had been said.")


@profile.command("privacy")
@click.argument("choices", nargs=-1, metavar="[ASPECT=AUDIENCE]...")
@click.option("--workout", default="", help="For this workout of yours alone, by its id.")
@json_option
@command
async def privacy(session: Session, *, choices: tuple[str, ...], workout: str) -> None:
    """Show who may see what, or choose: `map=followers heart_rate=only_me`.

    Audiences: only_me, groups, followers, followers_and_groups, everyone.
    """
    chosen = dict(_choice(choice) for choice in choices)
    async with session.client() as client:
        if workout:
            if chosen:
                await client.shared.set_privacy_of(workout, chosen)
            shared_id, own = await client.shared.privacy_of(workout)
            _rules(session, own)
            if not session.as_json:
                click.echo(f"Others know it as {shared_id}.")
            return
        settings = await (client.profile.set_privacy(chosen) if chosen else client.profile.privacy())
    _rules(session, settings)


@profile.group("zones", invoke_without_command=True)
@click.pass_context
def zones(context: click.Context) -> None:
    """List your privacy zones, or change them: `add`, `delete`."""
    if context.invoked_subcommand is None:
        context.invoke(_zones)


@click.command()
@command
async def _zones(session: Session) -> None:
    async with session.client() as client:
        found = await client.profile.zones()
    table = Table("Id", "Name", "Centre", "Radius", "Hidden for others", box=None, pad_edge=False)
    for zone in found:
        circle = zone.circle
        table.add_row(
            zone.zone_id,
            zone.name,
            f"{zone.latitude_deg:.5f}, {zone.longitude_deg:.5f}",
            f"{zone.radius_m:g} m",
            f"{circle.radius_m:g} m about {circle.latitude_deg:.5f}, {circle.longitude_deg:.5f}",
        )
    session.console.print(table)


@zones.command("add")
@click.argument("latitude", type=click.FloatRange(-90, 90))
@click.argument("longitude", type=click.FloatRange(-180, 180))
@click.option("--radius", type=click.FloatRange(200, 2000), default=200, show_default=True, help="Metres.")
@click.option("--name", default="")
@json_option
@command
async def add_zone(session: Session, *, latitude: float, longitude: float, radius: float, name: str) -> None:
    """Hide from others where you are near a place."""
    async with session.client() as client:
        made = await client.profile.create_zone(latitude, longitude, radius_m=radius, name=name)
    _told(session, made)


@zones.command("delete")
@click.argument("zone_id")
@command
async def delete_zone(session: Session, *, zone_id: str) -> None:
    """Forget a zone: others see again what was hidden in it."""
    async with session.client() as client:
        deleted = await client.profile.delete_zone(zone_id)
    click.echo("Forgotten." if deleted else "There was none.")


def _told(session: Session, message: Message) -> None:
    """A message as a table of its fields, or as JSON."""
    document = as_dict(message)
    if session.as_json:
        click.echo(as_json_line(document))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in document.items():
        table.add_row(name.replace("_", " "), value if isinstance(value, str) else as_json_line(value))
    session.console.print(table)


def _values(session: Session, values: Any) -> None:
    if session.as_json:
        for value in values:
            click.echo(as_json_line(as_dict(value)))
        return
    table = Table("From", "Sport", "Quantity", box=None, pad_edge=False)
    table.add_column("Value", justify="right")
    for value in values:
        table.add_row(
            value.effective_from or "ever",
            sport_name(value.sport) if value.sport else "all",
            _name_of(value),
            f"{value.value:g}",
        )
    session.console.print(table)


def _name_of(value: physiology_pb2.PhysiologyValue) -> str:
    return _QUANTITY_NAMES.get(value.quantity, str(value.quantity))


def _rules(session: Session, privacy_: privacy_pb2.PrivacySettings | privacy_pb2.WorkoutPrivacy) -> None:
    aspects = {number: name for name, number in ASPECTS.items()}
    audiences = {number: name for name, number in AUDIENCES.items()}
    named = {aspects[rule.aspect]: audiences[rule.audience] for rule in privacy_.rules}
    if session.as_json:
        click.echo(as_json_line(named))
        return
    table = Table("What", "Who sees it", box=None, pad_edge=False)
    for aspect, audience in named.items():
        table.add_row(aspect, audience)
    session.console.print(table)


def _choice(text: str) -> tuple[str, str]:
    aspect, _, audience = text.partition("=")
    if aspect not in ASPECTS or audience not in AUDIENCES:
        raise CommandFailure(
            f"{text!r} is not understood: ASPECT=AUDIENCE, with {', '.join(ASPECTS)} "
            f"and {', '.join(AUDIENCES)}.",
            Exit.USAGE,
        )
    return aspect, audience
