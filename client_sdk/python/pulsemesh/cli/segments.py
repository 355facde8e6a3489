"""`pulsemesh segments`: made, listed, shown, ranked; and the routes that are found by themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from rich.table import Table

from pulsemesh import Client
from pulsemesh.cli.failures import CommandFailure, Exit
from pulsemesh.cli.formats import as_dict, as_json_line, distance, duration, local_time, sport_name
from pulsemesh.cli.options import SportName, json_option
from pulsemesh.cli.references import ULID_LENGTH, find_workout, short
from pulsemesh.cli.session import Session, command
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import comparison_service_pb2, segment_pb2

__all__ = ["routes", "segments"]

_SEARCHED = 1_000


@click.group()
def segments() -> None:
    """Stretches that you ride or run again and again, and your times on them."""


@segments.command("list")
@click.option("--sport", type=SportName(), default=None, help="Only this sport.")
@json_option
@command
async def list_segments(session: Session, *, sport: sport_pb2.Sport.ValueType | None) -> None:
    """List your segments, the latest made first."""
    async with session.client() as client:
        found = [segment async for segment in client.segments.list(sport=sport)]
    if session.as_json:
        for segment in found:
            click.echo(as_json_line(as_dict(segment)))
        return
    if not found:
        click.echo("There is no segment yet: pulsemesh segments create makes one.", err=True)
        return
    table = Table("ID", "Name", "Sport", box=None, pad_edge=False)
    for heading in ("Length", "Climb", "Efforts", "Best", "Searched"):
        table.add_column(heading, justify="right")
    for segment in found:
        table.add_row(
            short(segment.segment_id),
            segment.name.replace("[", r"\["),
            sport_name(segment.sport),
            distance(segment.distance_m),
            f"{segment.elevation_gain_m:.0f} m" if segment.HasField("elevation_gain_m") else "",
            str(segment.matching.efforts),
            duration(segment.best.elapsed_s) if segment.HasField("best") else "",
            _searched(segment),
        )
    session.console.print(table)


@segments.command("create")
@click.argument("workout")
@click.argument("name")
@click.option(
    "--from", "start", required=True, help="Where it begins: metres, 1.5km, or 12:30 of elapsed time."
)
@click.option("--to", "end", required=True, help="Where it ends, in the same measure.")
@click.option("--sport", type=SportName(), default=None, help="The workout's, unless given.")
@json_option
@command
async def create(
    session: Session,
    *,
    workout: str,
    name: str,
    start: str,
    end: str,
    sport: sport_pb2.Sport.ValueType | None,
) -> None:
    """Make a segment NAME of a stretch of WORKOUT; old workouts are searched for it."""
    first, last = _place(start), _place(end)
    if first[0] != last[0]:
        raise CommandFailure("Give both ends as distances, or both as times.", Exit.USAGE)
    span = (first[1], last[1])
    async with session.client() as client:
        workout_id = await find_workout(client, workout)
        made = await client.segments.create(
            workout_id,
            name,
            metres=span if first[0] == "metres" else None,
            seconds=span if first[0] == "seconds" else None,
            sport=sport,
        )
    _show(session, made)


@segments.command("show")
@click.argument("segment")
@click.option("--latest", is_flag=True, help="The latest efforts first, not the fastest.")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@json_option
@command
async def show(session: Session, *, segment: str, latest: bool, limit: int) -> None:
    """Show a segment and your efforts on it. SEGMENT is an id, an end of one, or its name."""
    async with session.client() as client:
        found = await client.segments.get(await _find(client, segment))
        efforts = [
            effort async for effort in client.segments.efforts(found.segment_id, latest=latest, limit=limit)
        ]
    _show(session, found)
    if session.as_json:
        for effort in efforts:
            click.echo(as_json_line(as_dict(effort)))
    elif efforts:
        session.console.print()
        session.console.print(_efforts_table(efforts, "Workout"))


@segments.command("of")
@click.argument("workout", default="latest")
@json_option
@command
async def of_workout(session: Session, *, workout: str) -> None:
    """Show the efforts of one workout on all segments."""
    async with session.client() as client:
        efforts = await client.segments.of_workout(await find_workout(client, workout))
    if session.as_json:
        for effort in efforts:
            click.echo(as_json_line(as_dict(effort)))
    elif efforts:
        session.console.print(_efforts_table(list(efforts), "Segment"))
    else:
        click.echo("It went along no segment.", err=True)


@segments.command("rename")
@click.argument("segment")
@click.argument("name")
@json_option
@command
async def rename(session: Session, *, segment: str, name: str) -> None:
    """Give a segment another name."""
    async with session.client() as client:
        _show(session, await client.segments.update(await _find(client, segment), name=name))


@segments.command("delete")
@click.argument("segment")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@command
async def delete(session: Session, *, segment: str, yes: bool) -> None:
    """Delete a segment with its efforts; workouts stay."""
    async with session.client() as client:
        segment_id = await _find(client, segment)
        if not yes and not session.as_json:
            click.confirm(f"Delete the segment {short(segment_id)} with its efforts?", abort=True)
        deleted = await client.segments.delete(segment_id)
    if session.as_json:
        click.echo(as_json_line({"segment_id": segment_id, "deleted": deleted}))
    else:
        click.echo("Deleted." if deleted else "There was nothing to delete.")


@click.command()
@click.argument("workout", default="latest")
@click.option("--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@json_option
@command
async def routes(session: Session, *, workout: str, limit: int) -> None:
    """Show your other workouts on the same route as WORKOUT, and whether you get faster."""
    async with session.client() as client:
        found = await client.comparison.matched(await find_workout(client, workout), page_size=limit)
    if session.as_json:
        click.echo(as_json_line(as_dict(found)))
        return
    if not found.route_id:
        click.echo("The workout has no route: it has no positions, or is too short.", err=True)
        return
    session.console.print(f"{found.total} workouts on {distance(found.route_distance_m)}")
    session.console.print(_routes_table(found))
    if found.HasField("trend"):
        session.console.print()
        session.console.print(_trend(found.trend))


def _trend(trend: comparison_service_pb2.Trend) -> str:
    if trend.p_value > 0.05:
        return f"No trend that {trend.workouts} workouts could tell from chance (p = {trend.p_value:.2f})."
    word = "faster" if trend.seconds_per_30_days < 0 else "slower"
    size = duration(abs(trend.seconds_per_30_days))
    return f"{size} {word} every thirty days (p = {trend.p_value:.3f}, {trend.workouts} workouts)."


def _routes_table(found: comparison_service_pb2.ListMatchedWorkoutsResponse) -> Table:
    table = Table("Workout", "Start", "Title", box=None, pad_edge=False)
    for heading in ("Time", "Speed", "Power", "Heart rate", "Rank"):
        table.add_column(heading, justify="right")
    for each in found.workouts:
        table.add_row(
            short(each.workout_id),
            local_time(each.start_time),
            each.title.replace("[", r"\["),
            duration(each.elapsed_s),
            f"{each.average_speed_mps * 3.6:.1f} km/h",
            f"{each.average_power_w:.0f} W" if each.HasField("average_power_w") else "",
            f"{each.average_heart_rate_bpm:.0f} bpm" if each.HasField("average_heart_rate_bpm") else "",
            str(each.rank),
        )
    return table


def _efforts_table(efforts: list[segment_pb2.SegmentEffort], what: str) -> Table:
    table = Table("Rank", what, "Start", box=None, pad_edge=False)
    for heading in ("Time", "Speed", "Power", "Heart rate", ""):
        table.add_column(heading, justify="right")
    for effort in efforts:
        named = effort.segment_name.replace("[", r"\[") if what == "Segment" else short(effort.workout_id)
        start = datetime.fromtimestamp(effort.start_time_ms / 1000, UTC).astimezone()
        table.add_row(
            str(effort.rank),
            named,
            start.strftime("%Y-%m-%d %H:%M:%S"),
            duration(effort.elapsed_s),
            f"{effort.average_speed_mps * 3.6:.1f} km/h",
            f"{effort.average_power_w:.0f} W" if effort.HasField("average_power_w") else "",
            f"{effort.average_heart_rate_bpm:.0f} bpm" if effort.HasField("average_heart_rate_bpm") else "",
            "personal best" if effort.was_personal_best else "",
        )
    return table


def _show(session: Session, segment: segment_pb2.Segment) -> None:
    if session.as_json:
        click.echo(as_json_line(as_dict(segment)))
        return
    console = session.console
    console.print(f"[bold]{segment.name.replace('[', chr(92) + '[')}[/bold]  {sport_name(segment.sport)}")
    climb = f", {segment.elevation_gain_m:.0f} m up" if segment.HasField("elevation_gain_m") else ""
    grade = f", {segment.average_grade_percent:+.1f} %" if segment.HasField("average_grade_percent") else ""
    console.print(f"{distance(segment.distance_m)}{climb}{grade}  {segment.segment_id}")
    console.print(f"{segment.matching.efforts} efforts; old workouts searched: {_searched(segment)}")


def _searched(segment: segment_pb2.Segment) -> str:
    matching = segment.matching
    done = matching.state == segment_pb2.SegmentMatching.STATE_DONE
    return "all" if done else f"{matching.searched} of {matching.workouts}"


async def _find(client: Client, reference: str) -> str:
    """Return the id of the segment that `reference` means: an id, an end of one, or a name."""
    wanted = reference.upper().lstrip("…")
    if len(wanted) == ULID_LENGTH:
        return wanted
    known = [segment async for segment in client.segments.list(limit=_SEARCHED, page_size=200)]
    found = [
        each.segment_id
        for each in known
        if each.segment_id.startswith(wanted)
        or each.segment_id.endswith(wanted)
        or each.name.casefold() == reference.casefold()
    ]
    if len(found) == 1:
        return found[0]
    many = f"{reference} fits {len(found)} segments." if found else f"No segment is called {reference}."
    raise CommandFailure(many, Exit.NOT_FOUND, hint="pulsemesh segments list shows what there is")


def _place(text: str) -> tuple[str, float]:
    """Return a place along a workout: ("metres", m) or ("seconds", s)."""
    try:
        if ":" in text:
            seconds = 0.0
            for part in text.split(":"):
                seconds = seconds * 60 + float(part)
            return "seconds", seconds
        lower = text.lower().strip()
        if lower.endswith("km"):
            return "metres", float(lower[:-2]) * 1000
        return "metres", float(lower.removesuffix("m"))
    except ValueError:
        raise CommandFailure(f"{text!r} is neither a distance nor a time.", Exit.USAGE) from None
