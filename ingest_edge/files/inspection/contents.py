"""What every reader finds in a file, under the names, units and number formats of FIT's official SDK."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Loss

Message = Mapping[str, Any]

TIMER_EVENT = 0
TIMER_START = 0
TIMER_STOPS = frozenset({1, 4, 8, 9})
"""FIT's numbers of the event that starts and stops the clock, and of the types that stop it."""


@dataclass(frozen=True)
class RecordColumn:
    """One field of the records: `values` of the records that have it, in order, and `rows`, which these are.

    Both have shape (count,). Values are numbers, or objects (text, lists) where they are no numbers.
    """

    values: npt.NDArray[Any]
    rows: npt.NDArray[np.integer[Any]]
    unit: str = ""


@dataclass(frozen=True)
class FileContents:
    """A file as one of the readers sees it.

    `kind` is what it is in words (`FIT activity`). `messages` counts messages by the name that the SDK has
    for them (`record_mesgs`; the number, in text, where it knows none). `summaries` are the messages
    themselves, by the same names, of the few kinds that describe the whole. Times are FIT seconds.
    """

    kind: str
    records: int
    columns: Mapping[str, RecordColumn]
    messages: Mapping[str, int]
    summaries: Mapping[str, Sequence[Message]] = field(default_factory=dict)
    losses: Sequence[Loss] = ()

    def of(self, kind: str) -> Sequence[Message]:
        """The messages of a kind, such as `session`."""
        return self.summaries.get(message_key(kind), ())


SUMMARY_KINDS = ("file_id", "session", "lap", "event", "device_info", "sport")
"""The kinds of messages that `FileContents.summaries` holds."""

MOST_SUMMARIES = 10_000
"""Of each kind: a day of a device that tells of itself every ten seconds. Others are only counted."""


def message_key(name: str) -> str:
    """The SDK's key of a message: unknown ones are known by their number alone."""
    return name if name.isdigit() else f"{name}_mesgs"
