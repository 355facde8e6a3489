"""`pulsemesh-edge import`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.imports_worker import NICENESS, stand_back, start_worker
from ingest_edge.cli.output import Output
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.files.archives import ArchiveReader
from ingest_edge.files.decoder_names import DECODER_NAMES
from ingest_edge.files.decoders import decoder_named
from ingest_edge.files.isolation import DecoderPool, DecoderProcess, FileReader
from ingest_edge.importer import (
    FileOutcome,
    FileStage,
    FileStatus,
    Importer,
    Job,
    JobRunner,
    Journal,
    Ledger,
    OnProgress,
    Step,
    StepKind,
    StepStatus,
    Watcher,
    open_ledger,
)
from ingest_edge.uplink import connect_platform
from pulsemesh.client import Client

_WORDS = {
    FileStatus.IMPORTED: "imported",
    FileStatus.PARTIAL: "imported in part",
    FileStatus.DUPLICATE: "duplicate",
    FileStatus.NOT_AN_ACTIVITY: "not an activity",
    FileStatus.UNREADABLE: "unreadable",
    FileStatus.FAILED: "failed",
    FileStatus.NO_ROOM: "no room for it",
    FileStatus.WAITING: "kept in the spool",
    FileStatus.DERIVED: "made of others",
    FileStatus.CANCELLED: "cancelled",
}
_STEP_WORDS = {
    StepKind.EDIT: "edit",
    StepKind.CORRECTION: "correction",
    StepKind.SPLIT: "split",
    StepKind.MERGE: "merge",
    StepKind.KEEP_ONE: "choice",
}
_UNSETTLED = (StepStatus.FAILED, StepStatus.WAITING)


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--background", is_flag=True, help="Return at once; `imports` tells how far it is.")
@click.option(
    "--set-aside",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for copies of files that cannot be imported, with the reasons.",
)
@click.option(
    "--decoder", type=click.Choice(DECODER_NAMES), help="What reads FIT. By default as the settings say."
)
@json_option
@pass_edge
def import_command(
    edge: EdgeContext,
    *,
    paths: tuple[Path, ...],
    background: bool,
    set_aside: Path | None,
    decoder: str | None,
    as_json: bool,
) -> None:
    """Import device files, folders, and archives: also those that Strava and Garmin make of an account.

    Files are never changed or moved. An import that is interrupted goes on when it is started again, or with
    `imports resume`; a file that the platform has already is named as a duplicate.
    """

    async def command(edge: Edge) -> ExitCode:
        missing = [path for path in paths if not path.exists()]
        if missing:
            edge.output.problem(f"{missing[0]}: no such file or folder")
            return ExitCode.USAGE
        async with await open_ledger(edge.settings.home) as ledger:
            job_id = await ledger.create(paths, set_aside)
            if background:
                return await run_in_background(edge, job_id)
            async with open_road(edge) as road:
                return await run_in_foreground(edge, road, ledger, job_id)

    stand_back()
    if decoder is not None:
        edge = EdgeContext(replace(edge.settings, decoder=decoder))
    edge.run(command, as_json=as_json)


async def run_in_background(edge: Edge, job_id: str) -> ExitCode:
    """Leave the import to a process of its own, or to the service that has the spool."""
    log = await asyncio.to_thread(start_worker, edge.settings, job_id)
    edge.output.event("queued", job_id=job_id, log=str(log))
    edge.output.line(job_id)
    edge.output.line(
        f"It runs in the background; `pulsemesh-edge imports show {job_id}` tells how far it is."
    )
    return ExitCode.GOOD


async def run_in_foreground(edge: Edge, road: Road, ledger: Ledger, job_id: str) -> ExitCode:
    """Work on the import here, with a line for every file."""
    edge.output.event("import", job_id=job_id)
    with FileBar(edge.output) as bar, decoder_pool(edge) as decoder:
        runner = job_runner(edge, road, ledger, decoder, bar.show)
        finished = await unless_stopped(edge, runner.run(job_id, Watcher(bar.found, bar.done, bar.step)))
    job = await ledger.job(job_id)
    return _summary(edge.output, job, await ledger.steps(job_id), finished=finished)


def job_runner(
    edge: Edge, road: Road, ledger: Ledger, decoder: DecoderPool, on_progress: OnProgress | None = None
) -> JobRunner:
    """What works on imports on this road."""

    def make(reader: ArchiveReader, journal: Journal) -> Importer:
        return new_importer(edge, road, decoder, on_progress, reader=reader, journal=journal)

    return JobRunner(
        ledger,
        road.uplink,
        decoder,
        make,
        owner=partial(_owner, edge, road),
        scratch=edge.settings.home / "scratch",
        patience_s=edge.settings.patience_s,
    )


@contextlib.asynccontextmanager
async def _owner(edge: Edge, road: Road) -> AsyncIterator[Client]:
    """A client of the person: the same one, unless it is only the gateway's for a development login."""
    settings = edge.settings
    if settings.token or settings.token_file is not None or not settings.login:
        yield road.client
        return
    async with connect_platform(settings) as anyone:
        made = await anyone.auth.create_token(settings.login)
    async with connect_platform(replace(settings, token=made.access_token)) as client:
        yield client


def decoder_pool(edge: Edge) -> DecoderPool:
    """The processes that read files for this command; they stand back for everybody else."""
    return DecoderPool([decoder_process(edge) for _ in range(edge.settings.decoder_processes)])


def decoder_process(edge: Edge) -> DecoderProcess:
    """The process that reads files for this command."""
    settings = edge.settings
    return DecoderProcess(
        decoder_named(settings.decoder), timeout_s=settings.decode_timeout_s, niceness=NICENESS
    )


def new_importer(
    edge: Edge,
    road: Road,
    decoder: FileReader,
    on_progress: OnProgress | None = None,
    *,
    reader: ArchiveReader | None = None,
    journal: Journal | None = None,
) -> Importer:
    """An importer on this road."""
    return Importer(
        road.spool,
        road.uplink,
        road.client,
        decoder,
        writer_id=edge.writer_id,
        patience_s=edge.settings.patience_s,
        on_progress=on_progress,
        reader=reader,
        journal=journal,
    )


class FileBar:
    """A progress bar over files, with a line for each that is done; lines alone where nobody looks."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=output.console,
            disable=not output.live,
        )
        self._task = self._progress.add_task("looking for files", total=None)

    def __enter__(self) -> FileBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def found(self, files: int) -> None:
        """So many files there are, as far as is known."""
        self._progress.update(self._task, total=files)

    def show(self, path: Path, stage: FileStage) -> None:
        """What is being done with a file."""
        self._progress.update(self._task, description=f"{stage} {path.name}")

    def done(self, outcome: FileOutcome) -> None:
        """A file has its outcome."""
        self._progress.advance(self._task)
        say_outcome(self._output, outcome)

    def step(self, step: Step) -> None:
        """Something that an archive asked for was done again, or was not."""
        say_step(self._output, step)


def say_step(output: Output, step: Step) -> None:
    """What became of an edit, a correction or a derivation of an archive."""
    output.event(
        "step",
        what=step.kind,
        subject=step.subject,
        status=step.status,
        workout_ids=list(step.workout_ids),
        reason=step.reason,
    )
    notes = [f"workout {', '.join(step.workout_ids)}"] if step.workout_ids else []
    notes += [step.reason] if step.reason else []
    output.line(
        f"{step.status:<17} {_STEP_WORDS[step.kind]} {step.subject}{': ' if notes else ''}{'; '.join(notes)}"
    )


def say_outcome(output: Output, outcome: FileOutcome) -> None:
    """What became of a file."""
    output.event(
        "file",
        path=str(outcome.path),
        status=outcome.status,
        recording_id=outcome.recording_id,
        workout_id=outcome.workout_id,
        samples=outcome.samples,
        losses=list(outcome.losses),
        reason=outcome.reason,
        fault=outcome.fault,
        title=outcome.title,
    )
    notes = [f"workout {outcome.workout_id}"] if outcome.workout_id else []
    notes += [f"{outcome.samples} samples"] if outcome.samples else []
    notes += [outcome.reason] if outcome.reason else []
    notes += outcome.losses
    output.line(f"{_WORDS[outcome.status]:<17} {outcome.path}{': ' if notes else ''}{'; '.join(notes)}")


def _summary(output: Output, job: Job, steps: Sequence[Step], *, finished: bool) -> ExitCode:
    counts = job.progress.counts
    output.event("summary", job_id=job.job_id, **{status: counts.get(status, 0) for status in FileStatus})
    if not job.progress.files:
        output.line("There is no device file in there.")
    else:
        output.line(in_words(counts))
    if not finished:
        output.problem(f"interrupted; `pulsemesh-edge imports resume {job.job_id}` goes on with it")
        return ExitCode.INTERRUPTED
    return exit_code_of(output, job, steps)


def exit_code_of(output: Output, job: Job, steps: Sequence[Step]) -> ExitCode:
    """How an import that has ended is told to a script; says what is left to be done."""
    counts = job.progress.counts
    unsettled = [step for step in steps if step.status in _UNSETTLED]
    if any(step.status is StepStatus.WAITING for step in unsettled):
        output.problem(
            f"{unsettled[-1].reason}; with a person's token `pulsemesh-edge imports resume {job.job_id}` "
            "does the rest"
        )
        return ExitCode.SOME_FAILED
    if counts.get(FileStatus.NO_ROOM):
        output.problem("the spool is full; import again once something of it was uploaded")
        return ExitCode.SPOOL
    if counts.get(FileStatus.WAITING):
        output.problem("the platform cannot be reached; `pulsemesh-edge sync` brings the rest later")
        return ExitCode.UNREACHABLE
    return ExitCode.SOME_FAILED if job.progress.bad or unsettled else ExitCode.GOOD


def in_words(counts: Mapping[FileStatus, int]) -> str:
    """How many files had which outcome."""
    return ", ".join(f"{counts[status]} {_WORDS[status]}" for status in FileStatus if counts.get(status))
