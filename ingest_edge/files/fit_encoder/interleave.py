"""Messages of many kinds in the order of their times, records by the block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

AFTER_RECORDS = 2
"""Messages of this rank and more come after the records of their second, those of a lower one before."""


@dataclass(frozen=True, slots=True)
class TimedMessage:
    """Encoded bytes with their place in the file: by time, then by rank."""

    seconds: int
    rank: int
    content: bytes


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Records that follow the definitions they are encoded with.

    Attributes:
        seconds: FIT time of each record, never falling; int64, shape (n,).
        ends: the byte of `content` at which each record ends; int64, shape (n,).
    """

    definitions: bytes
    seconds: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    content: bytes


def interleaved(blocks: Sequence[RecordBlock], others: Sequence[TimedMessage]) -> list[bytes]:
    """All messages in the order of time.

    A local number that a block's definitions use must not be used by `others`.
    """
    waiting = sorted(others, key=lambda message: (message.seconds, message.rank))
    parts: list[bytes] = []
    taken = 0
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        until = len(waiting) if last else _due(waiting, taken, int(block.seconds[-1]))
        parts += _with_block(block, waiting[taken:until])
        taken = until
    parts += [message.content for message in waiting[taken:]]
    return parts


def _due(waiting: Sequence[TimedMessage], taken: int, second: int) -> int:
    """Where the messages end that come before the next block."""
    while taken < len(waiting) and waiting[taken].seconds < second:
        taken += 1
    return taken


def _with_block(block: RecordBlock, others: Sequence[TimedMessage]) -> list[bytes]:
    parts = [block.definitions]
    done = 0
    rows = _rows_before(block, others)
    for message, row in zip(others, rows, strict=True):
        end = int(block.ends[row - 1]) if row else 0
        if end > done:
            parts.append(block.content[done:end])
            done = end
        parts.append(message.content)
    parts.append(block.content[done:])
    return parts


def _rows_before(block: RecordBlock, others: Sequence[TimedMessage]) -> list[int]:
    """How many records of the block come before each message."""
    if not others:
        return []
    seconds = np.array([message.seconds for message in others], np.int64)
    after = np.array([message.rank >= AFTER_RECORDS for message in others])
    first = np.searchsorted(block.seconds, seconds, side="left")
    last = np.searchsorted(block.seconds, seconds, side="right")
    rows: list[int] = np.where(after, last, first).tolist()
    return rows
