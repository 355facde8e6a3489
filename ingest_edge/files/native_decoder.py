"""The decoder port on our own FIT reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest_edge.files.activity import Activity, Loss
from ingest_edge.files.decoder import FILE_SIZE_LIMIT, UnreadableFile, read_source
from ingest_edge.files.fit.content import LinkContent
from ingest_edge.files.fit.reader import read_fit
from ingest_edge.files.fit_assembly import WANTED_MESSAGES, LinkAssembly, LinkParts, merged
from ingest_edge.files.fit_messages import FitMessage
from ingest_edge.files.fit_native_columns import NativeRecords, native_beats
from ingest_edge.files.fit_profile import MessageNumber

_COLUMNS = frozenset({MessageNumber.RECORD, MessageNumber.HRV})

# A message as an object takes many times its bytes in the file: what these may cost together, for any file
# and for each byte of it. An activity of a day has some
# thousands, which any file may have.
_MESSAGE_BYTES = 500
_VALUE_BYTES = 100
_OBJECT_BYTES = 6 << 20
_OBJECT_BYTES_PER_BYTE = 6

_COLUMN_BYTES = 6 << 20
_COLUMN_BYTES_PER_BYTE = 8


@dataclass(frozen=True, slots=True)
class NativeDecoder:
    """Decodes FIT activities (below a microsecond a record). Synchronous: keep it off the event loop.

    Damage is reported in `Activity.losses` beside everything that was whole. Chained files become one
    activity with the sessions of all. Memory stays below twenty times the file's size.
    """

    size_limit: int = FILE_SIZE_LIMIT

    @property
    def name(self) -> str:
        """`native`."""
        return "native"

    def decode(self, source: Path | bytes) -> Activity:
        """See `Decoder.decode`."""
        content = read_source(source, self.size_limit)
        read = read_fit(content, wanted=WANTED_MESSAGES)
        if not read.links:
            error = read.errors[0]
            raise UnreadableFile(error.reason, error.offset)
        room = _Room(len(content))
        parts = [_link_parts(link, room) for link in read.links]
        return merged([*parts, *_beyond(read.errors, read.links)])


class _Room:
    """How much more memory the messages and columns of a file may take."""

    def __init__(self, size: int) -> None:
        self.objects = _OBJECT_BYTES + _OBJECT_BYTES_PER_BYTE * size
        self.columns = _COLUMN_BYTES + _COLUMN_BYTES_PER_BYTE * size

    def take(self, message: FitMessage) -> bool:
        self.objects -= _MESSAGE_BYTES + _VALUE_BYTES * len(message.values)
        return self.objects >= 0


def _link_parts(link: LinkContent, room: _Room) -> LinkParts:
    losses = list(link.errors)
    records = NativeRecords(link.messages.get(MessageNumber.RECORD))
    assembly = LinkAssembly(records, room.columns)
    for message in _messages(link):
        if not room.take(message):
            losses.append(
                Loss(message.offset, "more messages than any activity has: the others were dropped")
            )
            break
        assembly.add(message)
    beats = native_beats(link.messages.get(MessageNumber.HRV), records)
    return assembly.parts(beats, losses)


def _messages(link: LinkContent) -> Iterator[FitMessage]:
    """The messages that are neither records nor heart beats, kind by kind, each in the order of the file."""
    return itertools.chain.from_iterable(
        table.messages() for number, table in link.messages.items() if number not in _COLUMNS
    )


def _beyond(errors: tuple[Loss, ...], links: tuple[LinkContent, ...]) -> list[LinkParts]:
    """What was lost of the file outside of its links."""
    known = {id(loss) for link in links for loss in link.errors}
    return [LinkParts.of_losses((loss,)) for loss in errors if id(loss) not in known]
