"""Running a serving process to its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click
import uvloop

from services.chassis.database import DatabaseInUse, StoreUnavailable
from services.chassis.policy import PolicyHoles
from services.chassis.server import AddressInUse
from services.chassis.settings import Settings
from services.chassis.telemetry import configure_logging
from services.host.exit_codes import ExitCode
from services.host.registry import UnknownDomain
from services.host.serving import serve

_FORESEEN: tuple[tuple[type[Exception], ExitCode], ...] = (
    (UnknownDomain, ExitCode.USAGE),
    (PolicyHoles, ExitCode.POLICY),
    (AddressInUse, ExitCode.ADDRESS),
    (DatabaseInUse, ExitCode.STORE),
    (StoreUnavailable, ExitCode.STORE),
)


def exit_code_for(error: BaseException) -> ExitCode | None:
    """The exit code of a failure that was foreseen, else None."""
    return next((code for kind, code in _FORESEEN if isinstance(error, kind)), None)


def run_server(
    settings: Settings, domains: Sequence[str], *, ready_file: Path | None, worker: int | None
) -> ExitCode:
    """Serve until told to stop.

    Args:
        worker: this process' number when a supervisor started it.
    """
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_style)
    running = serve(settings, domains, ready_file=ready_file, worker=worker, follow_parent=worker is not None)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(running)
    except Exception as error:
        code = exit_code_for(error)
        if code is None:
            raise
        click.echo(f"pulsemesh-server: {error}", err=True)
        return code
    return ExitCode.OK
