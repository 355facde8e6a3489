"""The lines of a chain: each holds the hash of the one before, in its one canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

NOTHING_BEFORE = "0" * 64
"""`previous` of the first entry of a chain."""

MAX_LINE_BYTES = 64 * 1024
_FIELDS = frozenset({"body", "chain", "hash", "kind", "previous", "sequence", "time_ms"})


class EntryKind(StrEnum):
    """What an entry tells of."""

    ACT = "act"
    """An audited call."""
    OPENED = "opened"
    """A process began to write this chain."""
    CLOSED = "closed"
    """The process ended in order."""
    RECOVERED = "recovered"
    """The line before was cut off when its writer died; the body says how long it was and its hash."""
    CHECKPOINT = "checkpoint"
    """In the ledger: the signed head of a chain."""


class EntryDamaged(ValueError):
    """A line that is no entry, or not in its canonical form, or whose hash is not its own."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line.

    Attributes:
        chain: the chain's id, 16 hexadecimal digits.
        sequence: 1 for the first entry, then one more each.
        previous: the hash of the entry before.
        hash: SHA-256 over the canonical form of everything else.
    """

    chain: str
    sequence: int
    kind: EntryKind
    time_ms: int
    previous: str
    body: Mapping[str, Any]
    hash: str

    def line(self) -> bytes:
        """The canonical form, with its line end."""
        return _canonical(_fields(self) | {"hash": self.hash}) + b"\n"


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no blanks and nothing but ASCII: one form for one value."""
    return _canonical(value)


def _canonical(value: Any) -> bytes:
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def _fields(entry: Entry) -> dict[str, Any]:
    return {
        "body": entry.body,
        "chain": entry.chain,
        "kind": entry.kind.value,
        "previous": entry.previous,
        "sequence": entry.sequence,
        "time_ms": entry.time_ms,
    }


def make_entry(
    *, chain: str, sequence: int, kind: EntryKind, time_ms: int, previous: str, body: Mapping[str, Any]
) -> Entry:
    """An entry with its hash.

    Raises:
        ValueError: the body has no canonical form.
    """
    draft = Entry(chain, sequence, kind, time_ms, previous, body, "")
    return Entry(chain, sequence, kind, time_ms, previous, body, digest(_canonical(_fields(draft))))


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read_entry(line: bytes) -> Entry:
    """The entry of a line, without its line end.

    Raises:
        EntryDamaged: see there.
    """
    if len(line) > MAX_LINE_BYTES:
        raise EntryDamaged("the line is longer than any entry")
    try:
        fields = json.loads(line.decode("ascii"))
        if not isinstance(fields, dict) or fields.keys() != _FIELDS or _canonical(fields) != line:
            raise EntryDamaged("the line is not an entry in its canonical form")
        entry = _checked(fields)
    except EntryDamaged:
        raise
    except (ValueError, TypeError, RecursionError) as error:
        raise EntryDamaged("the line is not an entry") from error
    if digest(_canonical(_fields(entry))) != entry.hash:
        raise EntryDamaged("the hash is not that of the entry: it was changed")
    return entry


def _checked(fields: Mapping[str, Any]) -> Entry:
    texts = (fields["chain"], fields["previous"], fields["hash"])
    numbers = (fields["sequence"], fields["time_ms"])
    if (
        not all(isinstance(text, str) for text in texts)
        or not all(type(number) is int for number in numbers)
        or not isinstance(fields["body"], dict)
    ):
        raise EntryDamaged("a field of the entry has a wrong type")
    return Entry(
        chain=fields["chain"],
        sequence=fields["sequence"],
        kind=EntryKind(fields["kind"]),
        time_ms=fields["time_ms"],
        previous=fields["previous"],
        body=fields["body"],
        hash=fields["hash"],
    )
