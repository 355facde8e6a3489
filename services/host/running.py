"""Running a serving process to its exit code."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import click
import uvloop

from services.chassis.bus import BusUnavailable
from services.chassis.database import DatabaseInUse, StoreUnavailable
from services.chassis.migrations import SchemaOutdated
from services.chassis.policy import PolicyHoles
from services.chassis.server import AddressInUse
from services.chassis.settings import Settings, SettingsError
from services.chassis.telemetry import configure_logging
from services.host.checking import findings
from services.host.databases import migrate
from services.host.exit_codes import ExitCode
from services.host.registry import UnknownDomain, load_modules
from services.host.serving import serve

_FORESEEN: tuple[tuple[type[Exception], ExitCode], ...] = (
    (UnknownDomain, ExitCode.USAGE),
    (SettingsError, ExitCode.USAGE),
    (PolicyHoles, ExitCode.POLICY),
    (AddressInUse, ExitCode.ADDRESS),
    (DatabaseInUse, ExitCode.STORE),
    (StoreUnavailable, ExitCode.STORE),
    (BusUnavailable, ExitCode.STORE),
    (SchemaOutdated, ExitCode.STORE),
)


def exit_code_for(error: BaseException) -> ExitCode | None:
    """The exit code of a failure that was foreseen, else None."""
    return next((code for kind, code in _FORESEEN if isinstance(error, kind)), None)


def _run(settings: Settings, main: Coroutine[Any, Any, ExitCode]) -> ExitCode:
    """Run to an exit code; foreseen failures are told in one line, others keep their trace."""
    configure_logging(settings.telemetry.log_level, settings.telemetry.log_style)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    except Exception as error:
        code = exit_code_for(error)
        if code is None:
            raise
        click.echo(f"pulsemesh-server: {error}", err=True)
        return code


def run_server(
    settings: Settings, domains: Sequence[str], *, ready_file: Path | None, worker: int | None
) -> ExitCode:
    """Serve until told to stop.

    Args:
        worker: this process' number when a supervisor started it.
    """

    async def main() -> ExitCode:
        await serve(settings, domains, ready_file=ready_file, worker=worker, follow_parent=worker is not None)
        return ExitCode.OK

    return _run(settings, main())


def run_migrate(settings: Settings, domains: Sequence[str]) -> ExitCode:
    """Apply missing migrations and say which."""

    async def main() -> ExitCode:
        for name, revisions in (await migrate(settings, load_modules(domains))).items():
            click.echo(f"{name}: {', '.join(revisions) if revisions else 'up to date'}")
        return ExitCode.OK

    return _run(settings, main())


def run_check(settings: Settings, domains: Sequence[str]) -> ExitCode:
    """Check what can be checked without changing anything."""

    async def main() -> ExitCode:
        worst = ExitCode.OK
        async for finding in findings(settings, domains):
            click.echo(str(finding))
            worst = max(worst, finding.code)
        return worst

    return _run(settings, main())
