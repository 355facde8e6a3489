"""`pulsemesh-edge import`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ingest_edge.cli.context import EdgeContext, json_option, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.output import Output
from ingest_edge.cli.running import Edge, Road, open_road, unless_stopped
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.importer import FileOutcome, FileStage, FileStatus, Importer, OnProgress, find_files

_WORDS = {
    FileStatus.IMPORTED: "imported",
    FileStatus.PARTIAL: "imported in part",
    FileStatus.DUPLICATE: "duplicate",
    FileStatus.NOT_AN_ACTIVITY: "not an activity",
    FileStatus.UNREADABLE: "unreadable",
    FileStatus.FAILED: "failed",
    FileStatus.NO_ROOM: "no room for it",
    FileStatus.WAITING: "kept in the spool",
}


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@json_option
@pass_edge
def import_command(edge: EdgeContext, paths: tuple[Path, ...], as_json: bool) -> None:
    """Import device files (FIT), and those in folders, with an outcome for each.

    Files are never changed or moved. An import that is interrupted goes on when it is started again; a file
    that the platform has already is named as a duplicate.
    """

    async def command(edge: Edge) -> ExitCode:
        return await _import(edge, paths)

    edge.run(command, as_json=as_json)


async def _import(edge: Edge, paths: Sequence[Path]) -> ExitCode:
    try:
        files = find_files(paths)
    except OSError as error:
        edge.output.problem(str(error))
        return ExitCode.USAGE
    if not files:
        edge.output.line("There is no device file in there.")
        return ExitCode.GOOD
    async with open_road(edge) as road:
        with FileBar(edge.output, len(files)) as bar, decoder_process(edge) as decoder:
            importer = new_importer(edge, road, decoder, bar.show)
            bar.importer = importer
            finished = await unless_stopped(edge, importer.run(files))
        outcomes = list(importer.outcomes)
        if finished:
            await _send_originals(edge, road, outcomes)
    return _summary(edge.output, outcomes, finished=finished)


def decoder_process(edge: Edge) -> DecoderProcess:
    """The process that reads files for this command."""
    return DecoderProcess(FitparseDecoder(), timeout_s=edge.settings.decode_timeout_s)


def new_importer(
    edge: Edge, road: Road, decoder: DecoderProcess, on_progress: OnProgress | None = None
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
    )


async def _send_originals(edge: Edge, road: Road, outcomes: Sequence[FileOutcome]) -> None:
    """The files themselves follow their samples; a platform that is gone now gets them later."""
    if any(outcome.status is FileStatus.WAITING for outcome in outcomes):
        return
    road.uplink.expect_contact()
    await unless_stopped(edge, road.uplink.drained(edge.settings.patience_s))


class FileBar:
    """A progress bar over files, with a line for each that is done; lines alone where nobody looks."""

    def __init__(self, output: Output, count: int) -> None:
        self._output = output
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            console=output.console,
            disable=not output.live,
        )
        self._task = self._progress.add_task("importing", total=count)
        self.importer: Importer | None = None

    def __enter__(self) -> FileBar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, path: Path, stage: FileStage) -> None:
        """What is being done with a file."""
        self._progress.update(self._task, description=f"{stage} {path.name}")
        if stage is FileStage.DONE and self.importer is not None:
            self._progress.advance(self._task)
            say_outcome(self._output, self.importer.outcomes[-1])


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
    )
    notes = [f"workout {outcome.workout_id}"] if outcome.workout_id else []
    notes += [f"{outcome.samples} samples"] if outcome.samples else []
    notes += [outcome.reason] if outcome.reason else []
    notes += outcome.losses
    output.line(f"{_WORDS[outcome.status]:<17} {outcome.path}{': ' if notes else ''}{'; '.join(notes)}")


def _summary(output: Output, outcomes: Sequence[FileOutcome], *, finished: bool) -> ExitCode:
    counts = Counter(outcome.status for outcome in outcomes)
    output.event("summary", **{status: counts[status] for status in FileStatus})
    output.line(", ".join(f"{counts[status]} {_WORDS[status]}" for status in FileStatus if counts[status]))
    if not finished:
        return ExitCode.INTERRUPTED
    if counts[FileStatus.NO_ROOM]:
        output.problem("the spool is full; import again once something of it was uploaded")
        return ExitCode.SPOOL
    if counts[FileStatus.WAITING]:
        output.problem("the platform cannot be reached; `pulsemesh-edge sync` brings the rest later")
        return ExitCode.UNREACHABLE
    return ExitCode.GOOD if all(outcome.good for outcome in outcomes) else ExitCode.SOME_FAILED
