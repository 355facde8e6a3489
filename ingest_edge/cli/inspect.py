"""`pulsemesh-edge inspect`."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ingest_edge.cli.context import EdgeContext, pass_edge
from ingest_edge.cli.exit_codes import ExitCode
from ingest_edge.cli.inspect_display import show_inspection
from ingest_edge.cli.output import Output
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.decoder_names import DECODER_NAMES
from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.inspection import Inspection, inspect_source, unreadable
from ingest_edge.files.isolation import DecoderProcess

_EXIT_CODES = {"whole": 0, "part": 3, "nothing": 2}
_WORST = ("whole", "part", "nothing")

_EPILOG = """\
\b
Exit codes, the worst of all files:
    0  everything was read
    2  nothing could be read
    3  read in part; the output says what was lost, and where
  130  interrupted
"""


@click.command("inspect", epilog=_EPILOG)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file, each on its line.")
@click.option(
    "--decoder", type=click.Choice(DECODER_NAMES), help="What reads FIT. By default as the settings say."
)
@pass_edge
def inspect_command(edge: EdgeContext, *, files: Sequence[Path], as_json: bool, decoder: str | None) -> None:
    """Show what is in device files (FIT, GPX, TCX; gzip or not), without importing them.

    Nothing is sent, and nothing is written. A file is known by its content, whatever it is called.
    """
    output = Output(as_json=as_json)
    reader = decoder or edge.settings.decoder
    worst = "whole"
    with DecoderProcess(FileDecoder(), timeout_s=edge.settings.decode_timeout_s) as process:
        for path in files:
            try:
                inspection = _inspected(process, path, reader)
            except KeyboardInterrupt:
                # The file that keeps the process busy is what the person has had enough of.
                for worker in multiprocessing.active_children():
                    worker.kill()
                sys.exit(ExitCode.INTERRUPTED)
            if as_json:
                print(json.dumps(inspection.to_json(str(path)), allow_nan=False), flush=True)
            else:
                show_inspection(output.console, str(path), inspection)
            worst = max(worst, inspection.readable, key=_WORST.index)
    sys.exit(_EXIT_CODES[worst])


def _inspected(process: DecoderProcess, path: Path, reader: str) -> Inspection:
    try:
        return process.run(inspect_source, path, reader)
    except UnreadableFile as error:
        return unreadable(error.reason, error.offset)
    except OSError as error:
        return unreadable(error.strerror or str(error))
