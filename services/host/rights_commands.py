"""`pulsemesh-server rights …`: requests of people that hang, and erasing again after a restore."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click

from services.chassis.settings import Settings, SettingsError, load_settings
from services.host.exit_codes import ExitCode

_DATA = click.option("--data-dir", type=click.Path(path_type=Path), help="[PULSEMESH_DATA_DIR]")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@click.group()
def rights() -> None:
    """Look after people's requests for export and erasure (docs/rights.md).

    Works on the databases directly: with SQLite, stop the server first.
    """


@rights.command("waiting")
@_DATA
def waiting_command(data_dir: Path | None) -> None:
    """List the requests that are not done, with what keeps them. It names no people."""
    from services.host.rights import waiting_requests  # noqa: PLC0415 - the group is read by every command

    for each in _run(waiting_requests(_settings(data_dir))):
        due = datetime.fromtimestamp(each.due_ms / 1000, UTC)
        troubles = ", ".join(f"{domain}: {trouble}" for domain, trouble in each.troubles)
        click.echo(
            f"{each.rights_request_id}  {each.kind:<8} {each.state:<8} next {due:%Y-%m-%d %H:%M:%S} UTC  "
            f"failed {each.attempts} times  {troubles}".rstrip()
        )


@rights.command("retry")
@click.argument("request_id")
@_DATA
def retry_command(request_id: str, data_dir: Path | None) -> None:
    """Have a request that hangs tried again at once, rather than after its pause."""
    from services.host.rights import retry_request  # noqa: PLC0415

    _run(retry_request(_settings(data_dir), request_id))
    click.echo(f"{request_id} is tried again within seconds of a server's look")


@rights.command("erased")
@_DATA
def erased_command(data_dir: Path | None) -> None:
    """Print the digests of people who were erased, a line each. Keep them beside your backups.

    A digest leads back to nobody; it recognises somebody who is there.
    """
    from services.host.rights import erased_digests  # noqa: PLC0415

    for digest in _run(erased_digests(_settings(data_dir))):
        click.echo(digest)


@rights.command("erase-again")
@click.argument("digests", type=click.File("r"), required=False)
@_DATA
def erase_again_command(digests: Any, data_dir: Path | None) -> None:
    """After a restore: request the erasure of whoever came back.

    DIGESTS is a file that `rights erased` printed before the restore ("-": standard input). Without it, only
    those are found whom a database that was not restored remembers.
    """
    from services.host.registry import domain_names, load_modules  # noqa: PLC0415
    from services.host.rights import erase_again  # noqa: PLC0415

    lines = [] if digests is None else [line.strip() for line in digests if line.strip()]
    for number, line in enumerate(lines, 1):
        if not _DIGEST.fullmatch(line):
            _fail(f"line {number} is no digest", ExitCode.USAGE)
    count = _run(erase_again(_settings(data_dir), load_modules(domain_names()), lines))
    click.echo(f"{count} people are erased again once a server runs")


def _settings(data_dir: Path | None) -> Settings:
    try:
        return load_settings({} if data_dir is None else {"data_dir": data_dir})
    except SettingsError as error:
        _fail("; ".join(error.problems), ExitCode.USAGE)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    from services.chassis.database import DatabaseInUse, StoreUnavailable  # noqa: PLC0415
    from services.chassis.telemetry import configure_logging  # noqa: PLC0415
    from services.host.rights import NoSuchRequest  # noqa: PLC0415

    configure_logging("warning", "console")
    try:
        return asyncio.run(work)
    except NoSuchRequest as error:
        _fail(str(error), ExitCode.USAGE)
    except (DatabaseInUse, StoreUnavailable) as error:
        _fail(str(error), ExitCode.STORE)


def _fail(message: str, code: ExitCode) -> NoReturn:
    click.echo(f"pulsemesh-server: {message}", err=True)
    sys.exit(code)
