"""One decoder for all that devices write: what a file is, is told by its content, never by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import FILE_SIZE_LIMIT, Decoder, UnreadableFile, read_source
from ingest_edge.files.decoder_names import DEFAULT_DECODER
from ingest_edge.files.gpx import read_gpx
from ingest_edge.files.native_decoder import NativeDecoder
from ingest_edge.files.tcx import ROOT as TCX_ROOT
from ingest_edge.files.tcx import read_tcx
from ingest_edge.files.xml_root import document_start, read_root

FileFormat = Literal["fit", "gpx", "tcx"]


def _fitparse() -> Decoder:
    # Here, since a process that decodes with our own does without fitparse's import.
    from ingest_edge.files.fitparse_decoder import FitparseDecoder  # noqa: PLC0415

    return FitparseDecoder()


DECODERS: Mapping[str, Callable[[], Decoder]] = {"native": NativeDecoder, "fitparse": _fitparse}
"""The decoders of FIT, by the names under which people choose one: `decoder_names.DECODER_NAMES`."""

_FIT_SIGNATURE = b".FIT"
_FIT_HEADER = 12
_LOOK = 512

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "gzip within gzip"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
)


def decoder_named(name: str) -> FileDecoder:
    """The decoder of all formats that reads FIT with the decoder of that name.

    Raises:
        ValueError: there is no such decoder.
    """
    try:
        return FileDecoder(DECODERS[name]())
    except KeyError:
        raise ValueError(f"no decoder {name!r}; there are {', '.join(DECODERS)}") from None


@dataclass(frozen=True, slots=True)
class FileDecoder:
    """The decoder port for any content: FIT by the decoder given, GPX and TCX by ours; gzip or not.

    Synchronous and busy, and it pickles: keep it off the event loop, and in a process of its own for files
    from elsewhere (`ingest_edge.files.isolation`).
    """

    fit: Decoder = field(default_factory=DECODERS[DEFAULT_DECODER])
    size_limit: int = FILE_SIZE_LIMIT

    @property
    def name(self) -> str:
        """That of the FIT decoder."""
        return self.fit.name

    def decode(self, source: Path | bytes) -> Activity:
        """See `Decoder.decode`. Anything else is `UnreadableFile`, which says what it seems to be."""
        content = read_source(source, self.size_limit)
        match format_of(content):
            case "fit":
                return self.fit.decode(content)
            case "gpx":
                return read_gpx(content)
            case "tcx":
                return read_tcx(content)


def format_of(content: bytes) -> FileFormat:
    """The format of the (uncompressed) content.

    Raises `UnreadableFile`, saying what it seems to be instead, or why its prolog is refused.
    """
    if content[8:_FIT_HEADER] == _FIT_SIGNATURE and content[:1] >= bytes([_FIT_HEADER]):
        return "fit"
    if not looks_like_xml(content):
        raise UnreadableFile(_seems(content), 0)
    root = read_root(content).name
    if root == "gpx":
        return "gpx"
    if root == TCX_ROOT:
        return "tcx"
    if root == "html":
        raise UnreadableFile("an HTML page: the download went wrong, perhaps")
    raise UnreadableFile(f"XML of another kind: its root is {root[:64]!r}")


def looks_like_xml(content: bytes) -> bool:
    """Whether a tag comes first, in any encoding that XML knows, and it is no HTML page's."""
    start = document_start(content)
    first = content[start : start + _LOOK]
    if first.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
        return True
    return first.startswith(b"<") and not _is_html(first)


def _is_html(first: bytes) -> bool:
    return first.lower().startswith((b"<!doctype html", b"<html"))


def _seems(content: bytes) -> str:
    if not content:
        return "an empty file"
    for magic, what in _MAGIC:
        if content.startswith(magic):
            return f"no device file: {what}"
    first = content[document_start(content) :][:_LOOK]
    if not first:
        return "nothing but blanks"
    if _is_html(first):
        return "an HTML page: the download went wrong, perhaps"
    if first.startswith((b"{", b"[")):
        return "no device file: JSON, it seems"
    if not content.strip(b"\0"):
        return "nothing but zeros: the disk or the copy was damaged"
    if len(content) < _FIT_HEADER:
        return "cut off within the header"
    if all(octet >= 32 or octet in b"\t\r\n" for octet in first[:_LOOK]):
        return "no device file: text of some kind"
    return "not a FIT, GPX or TCX file"
