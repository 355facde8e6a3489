"""`pulsemesh-edge imports`: how far imports are, what became of their files, stopping and going on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import click

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.import_files import (
    exit_code_of,
    in_words,
    run_in_background,
    run_in_foreground,
    say_outcome,
    say_step,
)
from ingest_edge.cli.imports_worker import stand_back
from ingest_edge.cli.output import Output, duration, local_time, size
from ingest_edge.cli.running import Edge, open_road, unless_stopped
from ingest_edge.importer import (
    BAD,
    FileOutcome,
    FileStatus,
    Job,
    JobRuns,
    JobState,
    Ledger,
    StepStatus,
    UnknownJob,
    open_ledger,
)
from ingest_edge.spool import SpoolLocked

_SPOOL_POLL_S = 2.0
_RUNNING = (JobState.SCANNING, JobState.RUNNING)
_LISTED = 20


@click.group("imports", invoke_without_command=True)
@click.pass_context
def imports_command(context: click.Context) -> None:
    """Say how far imports are, and stop or resume them. Without a command: list them."""
    if context.invoked_subcommand is None:
        context.invoke(list_command, as_json=False)


@imports_command.command("list")
@json_option
@pass_edge
def list_command(edge: EdgeContext, as_json: bool) -> None:
    """List the latest imports, the newest first."""

    async def command(edge: Edge, ledger: Ledger) -> ExitCode:
        jobs = await ledger.jobs(_LISTED)
        for job in jobs:
            _say_job(edge.output, job)
        if not jobs:
            edge.output.line("Nothing was imported yet.")
        return ExitCode.GOOD

    _run(edge, command, as_json=as_json)


@imports_command.command("show")
@click.argument("job_id", metavar="ID")
@click.option("--problems", is_flag=True, help="Only the files that could not be imported.")
@json_option
@pass_edge
def show_command(edge: EdgeContext, job_id: str, problems: bool, as_json: bool) -> None:
    """Say how far an import is, and what became of each of its files."""

    async def command(edge: Edge, ledger: Ledger) -> ExitCode:
        job = await ledger.job(job_id)
        _say_job(edge.output, job)
        edge.output.line(f"  from       {', '.join(str(path) for path in job.paths)}")
        statuses = [status.value for status in (sorted(BAD) if problems else FileStatus)]
        async for outcome in _outcomes(ledger, job.job_id, statuses):
            say_outcome(edge.output, outcome)
        steps = await ledger.steps(job.job_id)
        for step in steps:
            if not problems or step.status in (StepStatus.FAILED, StepStatus.WAITING):
                say_step(edge.output, step)
        return exit_code_of(edge.output, job, steps) if job.state is JobState.DONE else ExitCode.GOOD

    _run(edge, command, as_json=as_json)


@imports_command.command("cancel")
@click.argument("job_id", metavar="ID")
@json_option
@pass_edge
def cancel_command(edge: EdgeContext, job_id: str, as_json: bool) -> None:
    """Stop an import. What was imported stays; the rest is named as cancelled."""

    async def command(edge: Edge, ledger: Ledger) -> ExitCode:
        job = await ledger.job(job_id)
        if job.state in (JobState.DONE, JobState.CANCELLED):
            edge.output.problem(f"the import {job.job_id} has ended already")
            return ExitCode.USAGE
        await ledger.ask_cancel(job.job_id)
        if job.state not in _RUNNING:
            await ledger.cancel_rest(job.job_id)
        while (job := await ledger.job(job.job_id)).state in _RUNNING and not edge.stop.is_set():
            await unless_stopped(edge, asyncio.sleep(0.2))
        if job.state not in (JobState.DONE, JobState.CANCELLED):
            # Its process ended before it could answer.
            await ledger.cancel_rest(job.job_id)
        _say_job(edge.output, await ledger.job(job.job_id))
        return ExitCode.GOOD

    _run(edge, command, as_json=as_json)


@imports_command.command("resume")
@click.argument("job_id", metavar="ID")
@click.option("--background", is_flag=True, help="Return at once.")
@json_option
@pass_edge
def resume_command(edge: EdgeContext, job_id: str, background: bool, as_json: bool) -> None:
    """Go on with an import that was interrupted or cancelled, or that had to leave files waiting."""

    async def command(edge: Edge, ledger: Ledger) -> ExitCode:
        job = await ledger.job(job_id)
        if job.state in _RUNNING:
            edge.output.problem(f"the import {job.job_id} is running")
            return ExitCode.USAGE
        await ledger.requeue(job.job_id)
        if background:
            return await run_in_background(edge, job.job_id)
        async with open_road(edge) as road:
            return await run_in_foreground(edge, road, ledger, job.job_id)

    stand_back()
    _run(edge, command, as_json=as_json)


@imports_command.command("work", hidden=True)
@click.argument("job_id", metavar="ID")
@json_option
@pass_edge
def work_command(edge: EdgeContext, job_id: str, as_json: bool) -> None:
    """Work on an import once the spool is free; what `import --background` starts."""

    async def command(edge: Edge, ledger: Ledger) -> ExitCode:
        while (await ledger.job(job_id)).state is JobState.QUEUED and not edge.stop.is_set():
            # A service that has the spool may take the import over meanwhile.
            with contextlib.suppress(SpoolLocked):
                async with open_road(edge) as road:
                    if (await ledger.job(job_id)).state is JobState.QUEUED:
                        return await run_in_foreground(edge, road, ledger, job_id)
            await unless_stopped(edge, asyncio.sleep(_SPOOL_POLL_S))
        return ExitCode.INTERRUPTED if edge.stop.is_set() else ExitCode.GOOD

    stand_back()
    _run(edge, command, as_json=as_json)


def _run(
    context: EdgeContext, command: Callable[[Edge, Ledger], Awaitable[ExitCode]], *, as_json: bool
) -> None:
    async def with_ledger(edge: Edge) -> ExitCode:
        try:
            async with await open_ledger(edge.settings.home) as ledger:
                return await command(edge, ledger)
        except (UnknownJob, JobRuns) as error:
            edge.output.problem(str(error))
            return ExitCode.USAGE

    context.run(with_ledger, as_json=as_json)


async def _outcomes(ledger: Ledger, job_id: str, statuses: list[str]) -> AsyncIterator[FileOutcome]:
    after = -1
    while page := await ledger.files(job_id, statuses, after):
        for file in page:
            if file.outcome is not None:
                yield file.outcome
        after = page[-1].entry.ordinal


def _say_job(output: Output, job: Job) -> None:
    progress = job.progress
    output.event(
        "job",
        job_id=job.job_id,
        state=job.state,
        reason=job.reason,
        paths=[str(path) for path in job.paths],
        created_ms=job.created_ms,
        started_ms=job.started_ms,
        ended_ms=job.ended_ms,
        files=progress.files,
        files_done=progress.done,
        files_known=job.scanned,
        bytes=progress.bytes_total,
        bytes_done=progress.bytes_done,
        passed_over=progress.passed_over,
        files_per_s=round(progress.rate, 2),
        remaining_s=None if progress.remaining_s is None else round(progress.remaining_s, 1),
        outcomes={status: progress.counts.get(status, 0) for status in FileStatus},
    )
    output.line(f"{job.job_id}  {job.state:<11} {local_time(job.created_ms)}  {_how_far(job)}")
    if job.reason:
        output.line(f"  because    {job.reason}")
    if progress.counts:
        output.line(f"  files      {in_words(progress.counts)}")


def _how_far(job: Job) -> str:
    progress = job.progress
    words = [
        f"{progress.done} of {progress.files} files",
        f"{size(progress.bytes_done)} of {size(progress.bytes_total)}",
    ]
    if progress.rate:
        words.append(f"{progress.rate:.1f} files/s")
    if job.state in _RUNNING and progress.remaining_s is not None:
        words.append(f"{duration(progress.remaining_s)} to go")
    return ", ".join(words)
