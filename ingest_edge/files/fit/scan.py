"""Finds the messages of one link: which bytes belong to which definition, and nothing of what they mean.

Data messages carry no length and no mark, so they can only be found one after the other. Messages in a row
with the same header byte are found together: the headers of a run lie one message size apart, so a strided
slice of the file holds them side by side, and stripping the header's byte from its left tells how far the
run goes. Windows grow as long as a run goes on. By induction every header looked at is a real one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Loss
from ingest_edge.files.fit.declarations import DEVELOPER_MESSAGES, DeveloperRegistry
from ingest_edge.files.fit.plan import DeveloperFields, Plan, compile_plan, developer_keys

_COMPRESSED = 0x80
_DEFINITION = 0x40
_HAS_DEVELOPER_FIELDS = 0x20
_LOCAL_MASK = 0x0F

_FIRST_WINDOW = 16
_WINDOW_GROWTH = 4

# Compiled plans are large beside the three bytes of a field that ask for one: together they may cost this
# much memory and no more. Real files stay below a hundredth of it.
_PLAN_BYTES = 1000
_SLOT_BYTES = 300
_ALL_PLANS_BYTES = 8 << 20
_ALL_PLANS_BYTES_PER_BYTE = 4

_TOO_MANY = "more definitions than any device writes"

# Each link costs far more time than the dozen bytes that it may have. Devices chain a handful.
_MOST_LINKS = 1000

# Messages of so few bytes would cost many times their size whatever is done with them. A watch that wrote its
# heart rate alone, every second, would need two days for so many.
_TINY = 4
_MOST_TINY = 200_000

Offsets = npt.NDArray[np.uint32]
"""Bytes of a file; `read_fit` refuses what is too large for them."""


class ScanBudget:
    """How much memory the definitions and links of one file may cost, whatever the file says."""

    def __init__(self, size: int) -> None:
        self._left = _ALL_PLANS_BYTES + _ALL_PLANS_BYTES_PER_BYTE * size
        self._links_left = _MOST_LINKS
        self._tiny_left = _MOST_TINY

    def take_link(self) -> bool:
        """Count one more link; False where there have been too many."""
        self._links_left -= 1
        return self._links_left >= 0

    def take_plan(self, fields: int) -> bool:
        """Pay for one more plan; False where there have been too many."""
        self._left -= _PLAN_BYTES + _SLOT_BYTES * fields
        return self._left >= 0

    def take_tiny(self, count: int) -> int:
        """How many of so many messages of a few bytes there is room for."""
        room = min(count, self._tiny_left)
        self._tiny_left -= room
        return room


class PlanRows:
    """Where the data messages of one plan begin: single ones, and runs of messages without a gap."""

    __slots__ = ("compressed", "plan", "runs", "singles")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.singles = array("I")
        self.runs: list[tuple[int, int]] = []
        self.compressed = False

    def __len__(self) -> int:
        return len(self.singles) + sum(count for _, count in self.runs)

    def offsets(self) -> Offsets:
        """The offsets of the header bytes, ascending, shape (n,)."""
        singles = np.frombuffer(self.singles, np.uint32)
        if not self.runs:
            return singles
        size = self.plan.size
        if len(self.runs) <= 8:
            parts = [
                np.arange(start, start + count * size, size, dtype=np.uint32) for start, count in self.runs
            ]
        else:
            runs = np.array(self.runs, np.uint32)
            before = np.cumsum(runs[:, 1], dtype=np.uint32) - runs[:, 1]
            index = np.arange(before[-1] + runs[-1, 1], dtype=np.uint32)
            parts = [np.repeat(runs[:, 0] - before * size, runs[:, 1]) + index * size]
        if len(singles):
            parts.append(singles)
        if len(parts) == 1:
            return parts[0]
        joined: Offsets = np.concatenate(parts)
        joined.sort(kind="stable")
        return joined

    def cut(self, most: int) -> int:
        """Drop the messages after so many; return where the first dropped one begins."""
        offsets = self.offsets()
        self.singles = array("I", offsets[:most].tobytes())
        self.runs = []
        return int(offsets[most])


class LinkScan:
    """Reads the structure of one link, from `start` to `end` of the file's content.

    Afterwards `rows` has every plan with its messages, `losses` what could not be read.
    """

    def __init__(self, content: bytes, start: int, end: int, budget: ScanBudget) -> None:
        self.rows: list[PlanRows] = []
        self.losses: list[Loss] = []
        self._content = content
        self._end = end
        self._registry = DeveloperRegistry()
        self._known: dict[tuple[bytes, DeveloperFields], PlanRows] = {}
        self._locals: dict[int, PlanRows] = {}
        self._definitions: dict[int, bytes] = {}
        self._rare: dict[int, list[int]] = {}
        # By header byte. A size of zero asks for more than a look: definitions, and messages that declare.
        self._sizes = [0] * 256
        self._sinks: list[Callable[[int], None]] = [self._locals_missing] * 256
        self._budget = budget
        self._scan(start)
        for rows in self.rows:
            if rows.plan.size < _TINY:
                count = len(rows)
                room = budget.take_tiny(count)
                if room < count:
                    reason = f"more messages of {rows.plan.size} bytes than any device writes were dropped"
                    self.losses.append(Loss(rows.cut(room), reason))

    def _scan(self, position: int) -> None:
        content, end, sizes, sinks = self._content, self._end, self._sizes, self._sinks
        if position >= end:
            return
        header = content[position]
        while True:
            size = sizes[header]
            if not size:
                position = self._special(position, header)
                if position >= end:
                    return
                header = content[position]
                continue
            after = position + size
            if after >= end:
                if after == end:
                    sinks[header](position)
                else:
                    self._cut_off(position)
                return
            following = content[after]
            if following != header:
                sinks[header](position)
                position = after
                header = following
                continue
            # A run: the first window is looked at here, for most are short.
            mark = content[after : after + 1]
            stop = after + _FIRST_WINDOW * size
            headers = content[after : stop if stop <= end else end : size]
            others = len(headers.lstrip(mark))
            count = 1 + len(headers) - others
            if not others and stop < end:
                count += self._further(after + (count - 1) * size, mark, size)
            after = position + count * size
            if after > end:
                count -= 1
                after -= size
            self._locals[_local(header)].runs.append((position, count))
            position = after
            if position >= end:
                return
            if end - position < size and content[position] == header:
                self._cut_off(position)
                return
            header = content[position]

    def _further(self, start: int, mark: bytes, size: int) -> int:
        """How many messages with that header follow each other from `start` on; the last may be cut off."""
        content, end = self._content, self._end
        found, window = 0, _FIRST_WINDOW * _WINDOW_GROWTH
        while start + found * size < end:
            begin = start + found * size
            headers = content[begin : min(begin + window * size, end) : size]
            others = len(headers.lstrip(mark))
            found += len(headers) - others
            if others:
                break
            window *= _WINDOW_GROWTH
        return found

    def _special(self, position: int, header: int) -> int:
        """Handle a definition or a message that declares something; return where the next one begins."""
        if header & (_COMPRESSED | _DEFINITION) == _DEFINITION:
            return self._define(position, header)
        local = _local(header)
        rows = self._locals.get(local)
        if rows is None:
            return self._lost(position, f"a message of the undeclared local type {local}")
        after = position + rows.plan.size
        if after > self._end:
            return self._cut_off(position)
        rows.singles.append(position)
        if rows.plan.number not in DEVELOPER_MESSAGES:
            self._route_rare(header, local, rows)
            return after
        rows.compressed |= header >= _COMPRESSED
        declared = self._registry.learn(rows.plan, self._content, position)
        if declared is not None and not self._redeclare(declared):
            return self._lost(after, _TOO_MANY)
        return after

    def _redeclare(self, key: tuple[int, int]) -> bool:
        """Definitions that already use a developer field learn what it means from here on."""
        return all(
            self._use(local, definition)
            for local, definition in list(self._definitions.items())
            if key in developer_keys(definition)
        )

    def _define(self, position: int, header: int) -> int:
        content = self._content
        begin = position + 1
        end = begin + 5
        if end <= self._end:
            end += 3 * content[end - 1]
            if header & _HAS_DEVELOPER_FIELDS and end < self._end:
                end += 1 + 3 * content[end]
            elif header & _HAS_DEVELOPER_FIELDS:
                end += 1
        if end > self._end:
            return self._cut_off(position)
        local = header & _LOCAL_MASK
        definition = content[begin:end]
        if not self._use(local, definition):
            return self._lost(position, _TOO_MANY)
        return end

    def _use(self, local: int, definition: bytes) -> bool:
        """Let a local number mean this definition. False where there are too many definitions."""
        self._definitions[local] = definition
        declared: DeveloperFields = ()
        if len(definition) > 5 + 3 * definition[4]:
            declared = tuple(self._registry.get(key) for key in developer_keys(definition))
        rows = self._known.get((definition, declared))
        if rows is None:
            if not self._budget.take_plan(definition[4] + len(declared)):
                return False
            rows = PlanRows(compile_plan(definition, declared))
            self._known[definition, declared] = rows
            self.rows.append(rows)
        if self._locals.get(local) is not rows:
            self._locals[local] = rows
            self._route(local, rows)
        return True

    def _route(self, local: int, rows: PlanRows) -> None:
        """Data messages of a local number go to these rows from here on."""
        self._sizes[local] = 0 if rows.plan.number in DEVELOPER_MESSAGES else rows.plan.size
        self._sinks[local] = rows.singles.append
        for header in self._rare.pop(local, ()):
            self._sizes[header] = 0

    def _route_rare(self, header: int, local: int, rows: PlanRows) -> None:
        """The same for a header that has more than the local number in it, at its first message."""
        self._sizes[header] = rows.plan.size
        self._sinks[header] = rows.singles.append
        self._rare.setdefault(local, []).append(header)
        rows.compressed |= header >= _COMPRESSED

    def _locals_missing(self, position: int) -> None:
        raise AssertionError("a header without a size has no sink")

    def _cut_off(self, position: int) -> int:
        self.losses.append(Loss(position, "the last message is cut off"))
        return self._end

    def _lost(self, position: int, reason: str) -> int:
        rest = self._end - position
        self.losses.append(Loss(position, f"{reason}; the {rest} bytes that follow cannot be read"))
        return self._end


def _local(header: int) -> int:
    return header >> 5 & 3 if header & _COMPRESSED else header & _LOCAL_MASK
