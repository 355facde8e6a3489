"""The decoder port on fitparse 1.2.0."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingest_edge.files.activity import Activity
from ingest_edge.files.decoder import FILE_SIZE_LIMIT, read_source
from ingest_edge.files.fit_assembly import WANTED_MESSAGES, LinkAssembly, LinkParts, merged
from ingest_edge.files.fit_heartbeats import BeatCollector
from ingest_edge.files.fit_links import FitLink, split_links
from ingest_edge.files.fit_profile import MessageNumber
from ingest_edge.files.fit_records import RecordCollector
from ingest_edge.files.fitparse_reader import FitparseReader


@dataclass(frozen=True, slots=True)
class FitparseDecoder:
    """Decodes FIT activities. Synchronous and busy (about 20 µs a record): keep it off the event loop.

    Damage is reported in `Activity.losses` beside everything that was whole. Chained files become one
    activity with the sessions of all. `size_limit` bounds the memory, about 20 bytes a
    value beside the file itself.
    """

    size_limit: int = FILE_SIZE_LIMIT

    @property
    def name(self) -> str:
        """`fitparse`."""
        return "fitparse"

    def decode(self, source: Path | bytes) -> Activity:
        """See `Decoder.decode`."""
        content = read_source(source, self.size_limit)
        return merged([_link_parts(link) for link in split_links(content)])


def _link_parts(link: FitLink) -> LinkParts:
    reader = FitparseReader(link, WANTED_MESSAGES)
    records, beats = RecordCollector(), BeatCollector()
    assembly = LinkAssembly(records)
    for message in reader.messages_by_number():
        if message.number == MessageNumber.RECORD:
            records.add(message)
            beats.follow(message)
        elif message.number == MessageNumber.HRV:
            beats.add(message)
        else:
            assembly.add(message)
    return assembly.parts(beats.beats, (*link.losses, *reader.losses))
