"""`pulsemesh-edge scan`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.remembered import load_sensors, save_sensors
from ingest_edge.cli.running import Edge
from ingest_edge.cli.sensing import chosen, named, scan, sensor_sources
from ingest_edge.sensors.events import SensorDescription

_ALL = "all"


@click.command("scan")
@click.option("--seconds", type=click.FloatRange(min=0.1), help="How long to look.")
@click.option(
    "--remember",
    multiple=True,
    metavar="ADDRESS|all",
    help="Record with this sensor from now on; may be repeated. Replaces the earlier choice.",
)
@json_option
@pass_edge
def scan_command(edge: EdgeContext, seconds: float | None, remember: tuple[str, ...], as_json: bool) -> None:
    """Look for sensors, and choose those to record with."""

    async def command(edge: Edge) -> ExitCode:
        return await _scan(edge, seconds or edge.settings.scan_s, remember)

    edge.run(command, as_json=as_json)


async def _scan(edge: Edge, seconds: float, remember: Sequence[str]) -> ExitCode:
    output = edge.output
    remembered = {sensor.sensor_id for sensor in load_sensors(edge.settings.home)}
    output.line(f"Looking for sensors for {seconds:g} s ...")

    def show(sensor: SensorDescription) -> None:
        output.line(named(sensor) + ("  (remembered)" if sensor.sensor_id in remembered else ""))

    found = await scan(sensor_sources(edge.settings), seconds, show)
    for sensor in found:
        output.event(
            "sensor", **sensor.to_json(), rssi_dbm=sensor.rssi_dbm, remembered=sensor.sensor_id in remembered
        )
    if not found:
        output.problem("no sensor was found; wake them up (turn the cranks, put the strap on) and try again")
        return ExitCode.NO_SENSOR
    if not remember and output.live and not remembered:
        remember = _asked()
    if not remember:
        return ExitCode.GOOD
    return _remember(edge, found, remember)


def _asked() -> list[str]:
    answer: str = click.prompt(
        "Which ones to record with? Addresses, or all, or nothing", default="", show_default=False
    )
    return answer.replace(",", " ").split()


def _remember(edge: Edge, found: Sequence[SensorDescription], remember: Sequence[str]) -> ExitCode:
    if _ALL in remember:
        sensors = list(found)
    else:
        sensors = chosen([*load_sensors(edge.settings.home), *found], remember)
    missing = {address.lower() for address in remember} - {s.address.lower() for s in sensors} - {_ALL}
    if missing:
        edge.output.problem(f"not found: {', '.join(sorted(missing))}; nothing was remembered")
        return ExitCode.NO_SENSOR
    path = save_sensors(edge.settings.home, sensors)
    edge.output.event("remembered", sensors=[sensor.address for sensor in sensors])
    edge.output.line(f"Remembered {len(sensors)} sensors in {path}. Next: pulsemesh-edge record")
    return ExitCode.GOOD
