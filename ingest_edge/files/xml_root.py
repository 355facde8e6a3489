"""The prolog of an XML file: what is refused before a single element is read, and what the root says it is.

Everything here reads bytes with expat, never fetches anything, and takes no declaration from the file: a
DOCTYPE that declares entities, default attributes or parameter entities is the tool of every known bomb, and
no device writes one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.parsers import expat

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile

XmlParser = Any
"""An `xml.parsers.expat` parser; the type has no public name."""

_BLANK = b" \t\r\n"
_UTF8_BOM = b"\xef\xbb\xbf"
_FIRST_BLOCK = 1 << 12
_PROLOG_LIMIT = 1 << 18
"""Bytes before the root element; more than a licence text in a comment takes."""

_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([-A-Za-z0-9._]+)")
_ASCII_COMPATIBLE = re.compile(r"utf-?8|us-ascii|ascii|iso-8859-\d+|windows-125\d", re.IGNORECASE)


@dataclass(frozen=True)
class XmlRoot:
    """The root element: its name without prefix, in small letters, and its attributes likewise.

    `ascii_compatible` is true where the bytes below 128 mean what they mean in ASCII, whatever else the
    encoding does.
    """

    name: str
    attributes: Mapping[str, str]
    ascii_compatible: bool


class _RootSeen(Exception):
    def __init__(self, name: str, attributes: Mapping[str, str]) -> None:
        super().__init__(name)
        self.name = name
        self.attributes = attributes


def local_name(name: str) -> str:
    """An element's or attribute's name without its prefix, in small letters: writers differ in both."""
    return name.rpartition(":")[2].lower()


def document_start(content: bytes) -> int:
    """Where the document begins: some exporters put blanks before the XML declaration, which XML forbids."""
    start = len(_UTF8_BOM) if content.startswith(_UTF8_BOM) else 0
    while start < len(content) and content[start : start + 1] in (b" ", b"\t", b"\r", b"\n"):
        start += 1
    return start


def with_sound_octets(content: bytes) -> tuple[bytes, Loss | None]:
    """The content with a question mark for each octet that its encoding does not know, and the loss then.

    Of one such letter in a title, put there by an exporter that forgot to say its encoding, expat would let
    go of the whole file. Only UTF-8 knows wrong octets; the length stays as it is.
    """
    if content.isascii() or not _claims_utf_8(content):
        return content, None
    try:
        content.decode()
    except UnicodeDecodeError as error:
        # A letter that the end of the file cuts in two is no wrong one.
        if error.end >= len(content) and "unexpected end" in error.reason:
            return content, None
        repaired = content.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
        return repaired, Loss(error.start, "octets that are no UTF-8: a question mark stands for each")
    return content, None


def _claims_utf_8(content: bytes) -> bool:
    """Whether the content says that it is UTF-8, or says nothing, which means it."""
    start = document_start(content)
    if content[start : start + 1] != b"<" or b"\0" in content[start : start + 4]:
        return False
    declared = _DECLARED.match(content, start)
    return declared is None or declared[1].lower() in (b"utf-8", b"utf8")


def guarded_parser() -> XmlParser:
    """A parser that refuses what makes a small file large. Names are not interned: a file may have many."""
    parser = expat.ParserCreate(None, None, None)
    parser.buffer_text = True

    def refuse(what: str) -> Any:
        def handler(*_: object) -> None:
            raise UnreadableFile(f"refused: its DOCTYPE {what}", parser.CurrentByteIndex)

        return handler

    parser.EntityDeclHandler = refuse("declares entities")
    parser.AttlistDeclHandler = refuse("declares attributes")
    parser.ElementDeclHandler = refuse("declares elements")
    parser.NotationDeclHandler = refuse("declares notations")
    parser.ExternalEntityRefHandler = refuse("refers to another file")
    return parser


def read_root(content: bytes) -> XmlRoot:
    """The root element of a file.

    Raises `UnreadableFile` where there is none within the first bytes, or where the prolog is refused.
    """
    start = document_start(content)
    parser = guarded_parser()
    encoding: list[str | None] = []

    def declared(_version: str, name: str | None, _standalone: int) -> None:
        encoding.append(name)

    def opened(name: str, attributes: Mapping[str, str]) -> None:
        raise _RootSeen(name, attributes)

    parser.XmlDeclHandler = declared
    parser.StartElementHandler = opened
    head, _ = with_sound_octets(content[: start + _PROLOG_LIMIT])
    try:
        for offset in range(start, len(head), _FIRST_BLOCK):
            parser.Parse(head[offset : offset + _FIRST_BLOCK], False)
        parser.Parse(b"", True)
    except _RootSeen as seen:
        attributes = {local_name(name): value for name, value in seen.attributes.items()}
        return XmlRoot(local_name(seen.name), attributes, _is_ascii_compatible(content, start, encoding))
    except expat.ExpatError as error:
        raise UnreadableFile(
            f"no XML: {expat.ErrorString(error.code)}", start + parser.ErrorByteIndex
        ) from None
    except (LookupError, ValueError) as error:
        # Python's codecs are asked for encodings that expat does not know itself.
        raise UnreadableFile(f"XML in an encoding that cannot be read: {error}", start) from None
    raise UnreadableFile("XML without an element")


def _is_ascii_compatible(content: bytes, start: int, declared: list[str | None]) -> bool:
    if b"\0" in content[start : start + 4] or content[start : start + 1] != b"<":
        return False
    return all(name is None or _ASCII_COMPATIBLE.fullmatch(name) for name in declared)
