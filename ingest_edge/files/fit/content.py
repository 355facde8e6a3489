"""What a FIT file holds: tables of messages, one for each kind."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Int64Array, Loss
from ingest_edge.files.fit.columns import ChainColumn, Column
from ingest_edge.files.fit.expansion import long_columns
from ingest_edge.files.fit.long_tables import Key, Part, Raw, Rows, long_fields
from ingest_edge.files.fit.plan import Plan
from ingest_edge.files.fit.profile import TIMESTAMP
from ingest_edge.files.fit.scan import Offsets, PlanRows
from ingest_edge.files.fit.short_tables import is_short, object_value, short_columns
from ingest_edge.files.fit.times import CompressedTimes
from ingest_edge.files.fit_messages import FitMessage

Columns = Mapping[str, Column]

_CHUNK = 4096
"""Messages that are made Python objects at a time."""


class MessageTable(Protocol):
    """All messages of one kind, in the order of the file.

    `number` is the message's global number, `name` what the FIT profile calls it (the number, where it does
    not know it). `columns` has a column for each field that any of the messages has, under the profile's
    name (the field's number, where it does not know it); `developer` has those of apps, under the names
    that they gave them.
    """

    @property
    def number(self) -> int:
        """The global message number."""
        ...

    @property
    def name(self) -> str:
        """The profile's name of the message."""
        ...

    def __len__(self) -> int: ...

    @property
    def offsets(self) -> Int64Array:
        """The byte of the file at which each message begins, shape (n,)."""
        ...

    @property
    def order(self) -> Int64Array:
        """The place of each message among all messages of the file, from 0, shape (n,)."""
        ...

    @property
    def columns(self) -> Columns:
        """The fields of the profile by name."""
        ...

    @property
    def developer(self) -> Columns:
        """The fields that apps declared, by the names they gave."""
        ...

    def rows(self) -> Iterator[dict[str, Any]]:
        """Each message as the fields it has; those of apps under the key `developer_fields`."""
        ...


class LinkContent:
    """One link of a chain: a whole file, when it is the only one. Nothing declared here holds elsewhere."""

    def __init__(
        self,
        content: bytes,
        rows: Sequence[PlanRows],
        errors: tuple[Loss, ...],
        file: EveryOffset,
        wanted: Collection[int] | None,
    ) -> None:
        self.errors = errors
        self._content = content
        self._rows = rows
        kinds: dict[int, list[PlanRows]] = {}
        for part in rows:
            number = part.plan.number
            if (part.singles or part.runs) and (wanted is None or number in wanted):
                kinds.setdefault(number, []).append(part)
        self.messages: Mapping[int, LinkTable] = {
            number: LinkTable(content, parts, self, file) for number, parts in kinds.items()
        }

    @cached_property
    def compressed_times(self) -> CompressedTimes | None:
        """The times of messages with compressed headers, None where there is none."""
        if not any(part.compressed for part in self._rows):
            return None
        return CompressedTimes(self._content, self._rows)


class EveryOffset:
    """The offsets of all messages of a file, put together when somebody asks for their order."""

    def __init__(self) -> None:
        self.rows: list[PlanRows] = []

    @cached_property
    def offsets(self) -> Offsets:
        """Ascending, of all links."""
        every = np.concatenate([part.offsets() for part in self.rows])
        every.sort(kind="stable")
        return every


class LinkTable:
    """The messages of one kind in one link: see `MessageTable`."""

    def __init__(
        self, content: bytes, parts: Sequence[PlanRows], link: LinkContent, file: EveryOffset
    ) -> None:
        self._content = content
        self._parts = parts
        self._link = link
        self._file = file
        self._size = sum(map(len, parts))

    @property
    def number(self) -> int:
        """See `MessageTable.number`."""
        return self._parts[0].plan.number

    @property
    def name(self) -> str:
        """See `MessageTable.name`."""
        return self._parts[0].plan.message.name

    def __len__(self) -> int:
        return self._size

    @cached_property
    def _placed(self) -> tuple[Offsets, Rows | None]:
        """Offsets in the order of the file, and where each lies in those of one part after the other."""
        if len(self._parts) == 1:
            return self._parts[0].offsets(), None
        joined = np.concatenate([part.offsets() for part in self._parts])
        order = np.argsort(joined, kind="stable")
        return joined[order], order.astype(np.uint32)

    @property
    def _offsets(self) -> Offsets:
        return self._placed[0]

    @property
    def offsets(self) -> Int64Array:
        """See `MessageTable.offsets`."""
        return self._offsets.astype(np.int64)

    @property
    def order(self) -> Int64Array:
        """See `MessageTable.order`."""
        return np.searchsorted(self._file.offsets, self._offsets)

    @property
    def columns(self) -> Columns:
        """See `MessageTable.columns`."""
        return self._columns[0]

    @property
    def developer(self) -> Columns:
        """See `MessageTable.developer`."""
        return self._columns[1]

    @cached_property
    def _columns(self) -> tuple[Columns, Columns]:
        if is_short(self._size, len(self._parts)):
            times = self._compressed_times()
            listed = None if times is None else [time if time >= 0 else None for time in times.tolist()]
            short = short_columns(self._content, list(self._in_order()), listed)
            if short is not None:
                return short
        return long_columns(self.fields(), self._parts[0].plan.message, self._size)

    def fields(self, wanted: Container[Key] | None = None) -> dict[Key, Raw]:
        """The fields before scale and offset: those that any message has, and of these the `wanted` ones."""
        offsets, order = self._placed
        if order is None:
            parts = [Part(self._parts[0].plan, offsets, None)]
        else:
            rows = np.empty(len(order), np.uint32)
            rows[order] = np.arange(len(order), dtype=np.uint32)
            parts, end = [], 0
            for part in self._parts:
                start, end = end, end + len(part)
                parts.append(Part(part.plan, offsets[rows[start:end]], rows[start:end]))
        return long_fields(self._content, parts, order, self._compressed_times(), wanted)

    def _compressed_times(self) -> npt.NDArray[np.int64] | None:
        times = self._link.compressed_times
        return None if times is None else times.of(self._offsets)

    def messages(self) -> Iterator[FitMessage]:
        """The messages one by one, before scale and offset, without what apps added."""
        times = self._compressed_times()
        for row, (offset, plan) in enumerate(self._in_order()):
            items = plan.layout.unpack_from(self._content, offset + 1)
            values: dict[int, Any] = {}
            for slot in plan.slots:
                value = object_value(slot, items)
                if value is not None:
                    values[slot.number] = tuple(value) if isinstance(value, list) else value
            if times is not None and times[row] >= 0:
                values[TIMESTAMP] = int(times[row])
            yield FitMessage(self.number, offset, values)

    def _in_order(self) -> Iterator[tuple[int, Plan]]:
        """The offset and the plan of each message."""
        plans = [part.plan for part in self._parts]
        if len(plans) == 1 and self._size == 1:
            part = self._parts[0]
            yield part.singles[0] if part.singles else part.runs[0][0], plans[0]
            return
        offsets, order = self._placed
        if order is None:
            for start in range(0, self._size, _CHUNK):
                for offset in offsets[start : start + _CHUNK].tolist():
                    yield offset, plans[0]
            return
        which = np.repeat(np.arange(len(plans), dtype=np.uint32), [len(part) for part in self._parts])
        for start in range(0, self._size, _CHUNK):
            rows = slice(start, start + _CHUNK)
            for offset, index in zip(offsets[rows].tolist(), which[order[rows]].tolist(), strict=True):
                yield offset, plans[index]

    def rows(self) -> Iterator[dict[str, Any]]:
        """See `MessageTable.rows`."""
        return rows_of(self)


class ChainTable:
    """The messages of one kind in all links of a chain: see `MessageTable`."""

    def __init__(self, parts: Sequence[LinkTable]) -> None:
        self._parts = parts
        self.number = parts[0].number
        self.name = parts[0].name

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    @property
    def offsets(self) -> Int64Array:
        """See `MessageTable.offsets`."""
        return np.concatenate([part.offsets for part in self._parts])

    @property
    def order(self) -> Int64Array:
        """See `MessageTable.order`."""
        return np.concatenate([part.order for part in self._parts])

    @cached_property
    def columns(self) -> Columns:
        """See `MessageTable.columns`."""
        return self._joined([part.columns for part in self._parts])

    @cached_property
    def developer(self) -> Columns:
        """See `MessageTable.developer`."""
        return self._joined([part.developer for part in self._parts])

    def _joined(self, every: Sequence[Columns]) -> Columns:
        names = dict.fromkeys(name for columns in every for name in columns)
        sizes = [len(part) for part in self._parts]
        return {
            name: ChainColumn([(size, columns.get(name)) for size, columns in zip(sizes, every, strict=True)])
            for name in names
        }

    def rows(self) -> Iterator[dict[str, Any]]:
        """See `MessageTable.rows`."""
        for part in self._parts:
            yield from rows_of(part)


class FitContent:
    """A whole file, or what of it was whole.

    `messages` has the tables by global message number, of all links of a chain together; `links` has each
    link's own. `errors` tells what could not be read, or is not as the format demands, and where.
    """

    def __init__(self, links: tuple[LinkContent, ...], errors: tuple[Loss, ...]) -> None:
        self.links = links
        self.errors = errors

    @cached_property
    def messages(self) -> Mapping[int, MessageTable]:
        """The tables by global message number."""
        if len(self.links) == 1:
            return self.links[0].messages
        parts: dict[int, list[LinkTable]] = {}
        for link in self.links:
            for number, table in link.messages.items():
                parts.setdefault(number, []).append(table)
        return {
            number: tables[0] if len(tables) == 1 else ChainTable(tables) for number, tables in parts.items()
        }


def rows_of(table: LinkTable) -> Iterator[dict[str, Any]]:
    """The messages of a table one by one, as Python values."""
    size = len(table)
    for start in range(0, size, _CHUNK):
        stop = min(start + _CHUNK, size)
        fields = [(name, column.items(start, stop)) for name, column in table.columns.items()]
        own = [(name, column.items(start, stop)) for name, column in table.developer.items()]
        for row in range(stop - start):
            values: dict[str, Any] = {name: items[row] for name, items in fields if items[row] is not None}
            given = {name: items[row] for name, items in own if items[row] is not None}
            if given:
                values["developer_fields"] = given
            yield values
