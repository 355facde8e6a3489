"""Inspecting one file: which reader it takes, and what is said where none can read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile, read_source
from ingest_edge.files.decoders import format_of
from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.inspection.contents import FileContents
from ingest_edge.files.inspection.native_fit import native_fit_contents
from ingest_edge.files.inspection.report import Inspection, inspection_of
from ingest_edge.files.inspection.stock_fitparse import stock_fitparse_contents
from ingest_edge.files.inspection.tracks import track_contents
from ingest_edge.files.tcx import read_tcx

READERS: Mapping[str, Callable[[bytes], FileContents]] = {
    "native": native_fit_contents,
    "fitparse": stock_fitparse_contents,
}
"""How FIT is read, by the name of the decoder."""


def inspect_source(source: Path | bytes, decoder: str = "native") -> Inspection:
    """What is in a file, or in the bytes of one; both may be gzip-compressed.

    Synchronous and busy, like a decoder: run it in a `DecoderProcess`.
    Raises `UnreadableFile` where nothing can be read, and the `OSError` of the system for a path.
    """
    content = read_source(source)
    contents = _contents(content, decoder)
    if contents.losses and not contents.messages:
        raise UnreadableFile(f"nothing whole remains: {contents.losses[0].reason}", contents.losses[0].offset)
    return inspection_of(contents)


def _contents(content: bytes, decoder: str) -> FileContents:
    match format_of(content):
        case "fit":
            return READERS[decoder](content)
        case "gpx":
            return track_contents(read_gpx(content), "gpx")
        case "tcx":
            return track_contents(read_tcx(content), "tcx")


def unreadable(reason: str, offset: int | None = None) -> Inspection:
    """The report on a file of which nothing could be read."""
    return Inspection(kind="unreadable", readable="nothing", errors=(Loss(offset, reason),))
