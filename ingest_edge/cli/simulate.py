"""`pulsemesh-edge simulate`: sensors and files without hardware."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.running import Edge, unless_stopped
from ingest_edge.simulator.activities import write_sample_folder
from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import Athlete, HeartRateStrap, PowerMeter, SpeedCadenceSensor

HEART_RATE_ADDRESS = "C0:DE:00:00:00:01"
POWER_ADDRESS = "C0:DE:00:00:00:02"
SPEED_CADENCE_ADDRESS = "C0:DE:00:00:00:03"


@click.group("simulate", invoke_without_command=True)
@click.pass_context
def simulate_command(context: click.Context) -> None:
    """Sensors and files without hardware, for trying out; `sensors` where nothing is said."""
    if context.invoked_subcommand is None:
        context.invoke(sensors_command)


@simulate_command.command("sensors", context_settings={"ignore_unknown_options": True})
@click.option(
    "--dropout-after",
    type=float,
    help="Take the power meter out of range once it was connected for these seconds ...",
)
@click.option("--dropout-for", type=float, default=4.0, show_default=True, help="... for so many.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@json_option
@pass_edge
def sensors_command(
    edge: EdgeContext,
    dropout_after: float | None = None,
    dropout_for: float = 4.0,
    command: tuple[str, ...] = (),
    as_json: bool = False,
) -> None:
    """A heart-rate strap, a power meter and a speed and cadence sensor on an emulated Bluetooth.

    With COMMAND: run it among these sensors and leave with its exit code, for example
    `pulsemesh-edge simulate sensors -- pulsemesh-edge scan`. Without: stay until interrupted; other programs
    reach the sensors with the variable that is printed.
    """

    async def run(edge: Edge) -> ExitCode:
        return await _sensors(edge, command, dropout_after, dropout_for)

    edge.run(run, as_json=as_json)


async def _sensors(
    edge: Edge, command: tuple[str, ...], dropout_after: float | None, dropout_for: float
) -> ExitCode:
    athlete = Athlete()
    bluez = EmulatedBlueZ(
        [
            HeartRateStrap(HEART_RATE_ADDRESS, athlete),
            PowerMeter(POWER_ADDRESS, athlete),
            SpeedCadenceSensor(SPEED_CADENCE_ADDRESS, athlete),
        ]
    )
    with bluez, bluez.as_system_bus() as address:
        dropout = asyncio.ensure_future(_drop_out(bluez, dropout_after, dropout_for))
        try:
            if command:
                return await _run(edge, command)
            edge.output.event("sensors", bus_address=address)
            edge.output.line(f"export DBUS_SYSTEM_BUS_ADDRESS='{address}'")
            sys.stdout.flush()
            await edge.stop.wait()
            return ExitCode.GOOD
        finally:
            dropout.cancel()


async def _drop_out(bluez: EmulatedBlueZ, after_s: float | None, for_s: float) -> None:
    if after_s is None:
        return
    await _until_worn(bluez)
    await asyncio.sleep(after_s)
    await asyncio.to_thread(bluez.set_in_range, POWER_ADDRESS, False)
    await asyncio.sleep(for_s)
    await asyncio.to_thread(bluez.set_in_range, POWER_ADDRESS, True)


async def _until_worn(bluez: EmulatedBlueZ) -> None:
    """Return once somebody listens to the power meter."""
    while True:
        if (await asyncio.to_thread(bluez.statistics, POWER_ADDRESS)).subscribed:
            return
        await asyncio.sleep(0.2)


async def _run(edge: Edge, command: tuple[str, ...]) -> ExitCode:
    try:
        child = await asyncio.create_subprocess_exec(*command)
    except OSError as error:
        edge.output.problem(f"cannot run {command[0]}: {error.strerror}")
        return ExitCode.USAGE
    try:
        while not await unless_stopped(edge, child.wait()):
            # A terminal interrupts the child by itself; whoever signals only us means it too.
            child.terminate()
            edge.stop.clear()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    code = child.returncode or 0
    # Passed on as it is: the numbers are the child's.
    sys.exit(code if code >= 0 else 128 - code)


@simulate_command.command("files")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", type=int, default=1, show_default=True, help="Another number, other workouts.")
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day of the first workout; a week before today by default.",
)
@json_option
@pass_edge
def files_command(edge: EdgeContext, folder: Path, seed: int, start: datetime | None, as_json: bool) -> None:
    """Write a folder of FIT files: rides, a run done twice, a pool swim, one that was cut off."""

    async def run(edge: Edge) -> ExitCode:
        first_day = (start or datetime.now(UTC) - timedelta(days=7)).date()
        for path in await asyncio.to_thread(write_sample_folder, folder, seed, first_day):
            edge.output.event("file", path=str(path))
            edge.output.line(str(path))
        return ExitCode.GOOD

    edge.run(run, as_json=as_json)
