"""Walking a document of track points: elements to a visitor, points into columns.

The walk is expat's, element by element. Where a file repeats one shape of point, which nearly all files do,
whole runs of points bypass it: see `xml_runs`. Either way gives the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from xml.parsers import expat

from ingest_edge.files.activity import Loss
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.track_points import PointColumns, field_of
from ingest_edge.files.xml_root import document_start, guarded_parser, local_name, read_root
from ingest_edge.files.xml_runs import PointRuns

MAX_DEPTH = 64
"""Elements within elements. The deepest that devices write is about 12."""

MAX_TOKEN_BYTES = 1 << 20
"""The longest tag or comment; texts may be longer."""

_STEP = 1 << 16
_FIRST_MISSED_STEP = 1 << 10
_WORTHWHILE_RUN = 8
_KEPT_TEXT_PIECES = 16
_KNOWN_NAMES_LIMIT = 4096

_CUT_OFF = {
    expat.errors.codes[text]
    for text in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )
}


class DocumentVisitor(Protocol):
    """What is told of the elements that are no points. Names are without prefix, in small letters."""

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        ...

    def closed(self, name: str, text: str) -> None:
        """An element ends; `text` is what stood in it after its last child element."""
        ...


class PointWalk:
    """One walk through one document. `point_name` is the element that is a point: `trkpt`, `trackpoint`."""

    def __init__(
        self,
        content: bytes,
        point_name: str,
        visitor: DocumentVisitor,
        columns: PointColumns,
        *,
        with_runs: bool = True,
    ) -> None:
        self._content = content
        self._point_name = point_name
        self._visitor = visitor
        self._columns = columns
        self._runs = (
            PointRuns(content, columns) if with_runs and read_root(content).ascii_compatible else None
        )
        self._parser = guarded_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._texts: list[str] = []
        self._parser.CharacterDataHandler = self._texts.append
        self._names: dict[str, str] = {}
        self._depth = 0
        self._path: list[str] = []
        self._point: dict[str, str] | None = None
        # Bytes of the file that expat has not seen, so far: its own offsets lag behind by as many.
        self._unseen = document_start(content)
        self._point_span = (0, 0)
        self._closing_tag = b""

    def walk(self) -> Loss | None:
        """Walk to the end, or to where the document breaks: then the loss says where and why.

        Raises `UnreadableFile` for what is refused outright.
        """
        try:
            self._feed_all()
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            return self._damage(error)
        finally:
            self._columns.flush()
        return None

    def _damage(self, error: expat.ExpatError) -> Loss:
        if error.code in _CUT_OFF:
            return Loss(len(self._content), "cut off: what was whole before is kept")
        offset = self._unseen + self._parser.ErrorByteIndex
        reason = expat.ErrorString(error.code)
        return Loss(offset, f"broken XML ({reason}): what was whole before is kept")

    def _feed_all(self) -> None:
        content, position, missed_step = self._content, self._unseen, 0
        while position < len(content):
            end = self._next_stop(position, missed_step)
            self._feed(position, end)
            position = end
            if self._runs is None or not self._closing_tag:
                continue
            start, close = self._point_span
            run_end, points = position, 0
            if close == position:
                run_end, points = self._runs.consume(start, position)
            self._unseen += run_end - position
            position = run_end
            # Where runs are short, looking for them costs more than it brings.
            worthwhile = points >= _WORTHWHILE_RUN or (missed_step == 0 and points > 0)
            missed_step = 0 if worthwhile else min(max(_FIRST_MISSED_STEP, missed_step * 2), _STEP)

    def _next_stop(self, position: int, missed_step: int) -> int:
        """Where to feed to: right behind a point, if a run of points is looked for there."""
        limit = position + _STEP
        if self._runs is None or missed_step >= _STEP:
            return limit
        if not self._closing_tag:
            return position + _FIRST_MISSED_STEP
        found = self._content.find(self._closing_tag, position + missed_step, limit)
        return limit if found < 0 else found + len(self._closing_tag)

    def _feed(self, position: int, end: int) -> None:
        self._parser.Parse(self._content[position:end], False)
        # Handlers may have let texts pile up that nobody will want whole.
        del self._texts[_KEPT_TEXT_PIECES:]
        pending = min(end, len(self._content)) - self._unseen - self._parser.CurrentByteIndex
        if pending > MAX_TOKEN_BYTES:
            raise UnreadableFile(
                f"refused: a tag or comment of more than {MAX_TOKEN_BYTES} bytes",
                self._unseen + self._parser.CurrentByteIndex,
            )

    def _local(self, name: str) -> str:
        local = local_name(name)
        if len(self._names) < _KNOWN_NAMES_LIMIT:
            self._names[name] = local
        return local

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            offset = self._unseen + self._parser.CurrentByteIndex
            raise UnreadableFile(f"refused: elements nested deeper than {MAX_DEPTH}", offset)
        local = self._names.get(name) or self._local(name)
        if self._point is not None:
            self._path.append(local)
        elif local == self._point_name:
            self._begin_point(name, attributes)
        else:
            self._visitor.opened(local, {local_name(key): value for key, value in attributes.items()})
        self._texts.clear()

    def _begin_point(self, name: str, attributes: dict[str, str]) -> None:
        self._point = {
            field: value for key, value in attributes.items() if (field := field_of(key.lower())) is not None
        }
        if self._runs is not None:
            if not self._closing_tag:
                self._closing_tag = f"</{name}>".encode("ascii", "replace")
            self._point_span = (self._unseen + self._parser.CurrentByteIndex, 0)

    def _end(self, name: str) -> None:
        self._depth -= 1
        text = "".join(self._texts)
        self._texts.clear()
        point, path = self._point, self._path
        if point is None:
            self._visitor.closed(self._names.get(name) or self._local(name), text)
        elif path:
            field = field_of(path.pop(), path[-1] if path else "")
            if field is not None and field not in point:
                point[field] = text
        else:
            self._columns.add(point)
            self._point = None
            if self._runs is not None:
                close = self._unseen + self._parser.CurrentByteIndex + len(self._closing_tag)
                self._point_span = (self._point_span[0], close)
