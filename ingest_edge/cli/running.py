"""How every command runs: one event loop, signals, and an exit code for each way it can end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.output import Output
from ingest_edge.cli.remembered import writer_id
from ingest_edge.sensors.source import SensorUnavailable
from ingest_edge.settings import EdgeSettings, SettingsError
from ingest_edge.spool import Spool, SpoolError, open_spool
from ingest_edge.uplink import (
    CredentialsRefused,
    PlatformUnreachable,
    Uplink,
    UplinkSettings,
    connect_platform,
)
from pulsemesh.client import Client


@dataclass
class Edge:
    """What a command works with. `stop` is set by the first SIGINT or SIGTERM; the second cancels."""

    settings: EdgeSettings
    output: Output
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def writer_id(self) -> str:
        """The name of this gateway."""
        return writer_id(self.settings)


@dataclass
class Road:
    """The way to the platform: an open spool and its running uplink."""

    spool: Spool
    client: Client
    uplink: Uplink


Command = Callable[[Edge], Awaitable[ExitCode]]


def run_command(command: Command, settings: EdgeSettings, output: Output) -> ExitCode:
    """Run `command` to its end and return the exit code; problems are said on standard error."""
    try:
        return asyncio.run(_guarded(command, settings, output))
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.problem("interrupted; what was taken is kept in the spool")
        return ExitCode.INTERRUPTED
    except SettingsError as error:
        output.problem(str(error))
        return ExitCode.USAGE
    except CredentialsRefused as error:
        output.problem(f"the platform refuses our credentials ({error}); everything is kept in the spool")
        return ExitCode.USAGE
    except PlatformUnreachable as error:
        output.problem(
            f"the platform at {settings.target} cannot be reached ({error}); everything is kept in the spool "
            "and goes up with the next command, or with `pulsemesh-edge sync`"
        )
        return ExitCode.UNREACHABLE
    except SensorUnavailable as error:
        output.problem(f"Bluetooth cannot be used: {error}")
        return ExitCode.NO_SENSOR
    except SpoolError as error:
        output.problem(str(error))
        return ExitCode.SPOOL


async def _guarded(command: Command, settings: EdgeSettings, output: Output) -> ExitCode:
    edge = Edge(settings, output)
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(command(edge))

    def interrupt() -> None:
        if edge.stop.is_set():
            task.cancel()
        edge.stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    return await task


@contextlib.asynccontextmanager
async def open_road(edge: Edge, *, resume_within_s: float = 0.0) -> AsyncIterator[Road]:
    """Open the spool and start the uplink; both end with the block.

    Recordings that a death of the process interrupted are finished, except those that were alive
    `resume_within_s` seconds ago.

    Raises:
        SpoolError, SettingsError: the spool or the settings cannot be used; also at the end of the block,
            where the uplink found the spool unusable.
    """
    settings = edge.settings
    async with await open_spool(settings.spool_folder, settings.limits) as spool:
        await spool.end_interrupted(_now_ms() - round(resume_within_s * 1000))
        async with connect_platform(settings) as client:
            uplink = Uplink(spool, client, UplinkSettings(backlog_sessions=settings.backlog_sessions))
            running = asyncio.ensure_future(uplink.run())
            try:
                yield Road(spool, client, uplink)
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running


async def unless_stopped(edge: Edge, work: Awaitable[object]) -> bool:
    """Await `work`; False where it was stopped by a signal before its end. Raises what `work` raises."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(edge.stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
            return True
        return False
    finally:
        task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
