"""Runs of points of one shape, taken from the bytes at once.

The first point that expat has read is made into a pattern: its tags to the letter, blanks between them free,
and a group for each value. From the end of a point the pattern is matched again and again, each match
beginning where the last one ended, so nothing is ever searched for or skipped. What matches is well-formed
content of the same parent (values are held to characters that mean themselves), so taking it out leaves expat
the same document without these points, and its reading of the rest is unchanged. What does not match is left
for expat.
"""

from __future__ import annotations

import re

from ingest_edge.files.track_points import PointColumns, field_of
from ingest_edge.files.xml_root import local_name

_BLANK = rb"[ \t\r\n]*+"
_NUMBER_OR_TIME = rb"([-+.:0-9TZeE \t\r\n]{0,48}+)"
_PLAIN_TEXT = rb"[ -%'-;=?-~\t\r\n]*+"

_TOKEN = re.compile(rb"<(/?)([A-Za-z_][-A-Za-z0-9_.:]*)([^<>]*?)(/?)>|([^<>]+)")
_ATTRIBUTE = re.compile(
    rb"([ \t\r\n]+)([A-Za-z_][-A-Za-z0-9_.:]*)([ \t\r\n]*=[ \t\r\n]*)(\"[^\"]*\"|'[^']*')"
)
_ATTRIBUTES = re.compile(rb"(?:" + _ATTRIBUTE.pattern + rb")*[ \t\r\n]*")

_MAX_POINT_BYTES = 1 << 13
_MAX_SHAPES = 6
_BLOCK_POINTS = 4096


class _NoShape(Exception):
    """The point is not plain enough to make a pattern of it."""


class _Shape:
    """The pattern of one point, and the fields of its groups."""

    def __init__(self, raw: bytes) -> None:
        self.fields: list[str] = []
        self._seen: set[str] = set()
        self._parts: list[bytes] = [_BLANK]
        self._open: list[str] = []
        self._build(raw)
        self.match = re.compile(b"".join(self._parts)).match

    def _build(self, raw: bytes) -> None:
        if b"&" in raw or b"<!" in raw or b"<?" in raw:
            raise _NoShape
        position, leaf_text, in_leaf = 0, b"", False
        for token in _TOKEN.finditer(raw):
            if token.start() != position:
                raise _NoShape
            position = token.end()
            closing, name, attributes, empty, text = token.groups()
            if text is not None:
                leaf_text = text
                continue
            if closing:
                self._text(leaf_text, leaf=in_leaf)
                self._close(name)
            else:
                self._text(leaf_text, leaf=False)
                self._tag(name, attributes, empty)
            leaf_text, in_leaf = b"", not closing and not empty
        if position != len(raw) or self._open:
            raise _NoShape

    def _text(self, text: bytes, *, leaf: bool) -> None:
        """The text before a tag: a value if it is all that an element holds."""
        if not leaf or len(self._open) < 2:
            if text.strip(b" \t\r\n"):
                raise _NoShape
            self._parts.append(_BLANK if self._open else b"")
            return
        field = self._field()
        if field is None or field in self._seen:
            self._parts.append(_PLAIN_TEXT)
        else:
            self._capture(field)

    def _field(self) -> str | None:
        """The field of the innermost open element; the point itself is none."""
        if len(self._open) < 2:
            return None
        return field_of(self._open[-1], self._open[-2] if len(self._open) > 2 else "")

    def _capture(self, field: str) -> None:
        self._seen.add(field)
        self.fields.append(field)
        self._parts.append(_NUMBER_OR_TIME)

    def _close(self, name: bytes) -> None:
        field = self._field()
        if field is not None:
            self._seen.add(field)
        if not self._open:
            raise _NoShape
        self._open.pop()
        self._parts.append(b"</" + re.escape(name) + rb"[ \t\r\n]*+>")

    def _tag(self, name: bytes, attributes: bytes, empty: bytes) -> None:
        if not _ATTRIBUTES.fullmatch(attributes):
            raise _NoShape
        is_point = not self._open
        self._open.append(local_name(name.decode("ascii")))
        self._parts.append(b"<" + re.escape(name))
        if is_point:
            self._point_attributes(attributes)
        else:
            self._parts.append(re.escape(attributes))
        self._parts.append(empty + b">")
        if empty:
            field = self._field()
            if field is not None:
                self._seen.add(field)
            self._open.pop()

    def _point_attributes(self, attributes: bytes) -> None:
        end = 0
        for attribute in _ATTRIBUTE.finditer(attributes):
            blank, name, equals, value = attribute.groups()
            self._parts += [re.escape(blank), re.escape(name), re.escape(equals)]
            field = field_of(name.decode("ascii").lower())
            if field is None:
                self._parts.append(re.escape(value))
            elif field in self._seen:
                raise _NoShape
            else:
                self._parts.append(value[:1])
                self._capture(field)
                self._parts.append(value[:1])
            end = attribute.end()
        self._parts.append(re.escape(attributes[end:]))


class PointRuns:
    """Takes runs of points out of one document, into columns."""

    def __init__(self, content: bytes, columns: PointColumns) -> None:
        self._content = content
        self._columns = columns
        self._shapes: dict[bytes, _Shape] = {}

    def consume(self, start: int, position: int) -> tuple[int, int]:
        """Take the points that follow `position`, where a point ends that began at `start`.

        Returns where the run ends, and how many points it had.
        """
        end, points = self._longest(position)
        if points or position - start > _MAX_POINT_BYTES or len(self._shapes) >= _MAX_SHAPES:
            return end, points
        try:
            shape = _Shape(self._content[start:position])
        except _NoShape:
            return position, 0
        if shape.match(self._content, start) is None:
            return position, 0
        self._shapes[self._content[start:position]] = shape
        return self._longest(position)

    def _longest(self, position: int) -> tuple[int, int]:
        """Runs of any known shape, one after another."""
        start, points, found = position, 0, True
        while found:
            found = False
            for shape in self._shapes.values():
                taken = self._run(shape, position)
                if taken[1]:
                    position, points, found = taken[0], points + taken[1], True
        return (position, points) if points else (start, 0)

    def _run(self, shape: _Shape, position: int) -> tuple[int, int]:
        content, match = self._content, shape.match
        points = 0
        while True:
            rows: list[tuple[bytes, ...]] = []
            while len(rows) < _BLOCK_POINTS and (found := match(content, position)) is not None:
                rows.append(found.groups())
                position = found.end()
            if not rows:
                return position, points
            self._columns.add_block(shape.fields, rows)
            points += len(rows)
            if len(rows) < _BLOCK_POINTS:
                return position, points
