"""Looking something up in an audit folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.chassis.audit.entries import Entry, EntryDamaged, EntryKind, read_entry
from services.chassis.audit.verification import CHAIN_FILES, read_lines


@dataclass(frozen=True, slots=True)
class ActFilter:
    """What is looked for; what is None is not asked.

    Attributes:
        user_id: who acted, or was acted upon (any detail of the act names them).
        action: the act, or the beginning of one up to a dot: "staff" finds "staff.grant_role".
        since_ms, until_ms: since 1970 UTC; the end itself is not included.
        outcome: the gRPC status code's name.
    """

    user_id: str | None = None
    action: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    outcome: str | None = None

    def takes(self, entry: Entry) -> bool:
        """Whether the entry is one of those."""
        body = entry.body
        return (
            (self.since_ms is None or entry.time_ms >= self.since_ms)
            and (self.until_ms is None or entry.time_ms < self.until_ms)
            and (self.outcome is None or body.get("outcome") == self.outcome)
            and (self.action is None or f"{body.get('action', '')}.".startswith(f"{self.action}."))
            and (self.user_id is None or self._concerns(body))
        )

    def _concerns(self, body: Any) -> bool:
        return body.get("user_id") == self.user_id or self.user_id in body.get("details", {}).values()


def read_acts(folder: Path, wanted: ActFilter) -> Iterator[dict[str, Any]]:
    """The acts of all chains that are wanted, by time; damaged lines are left to `verify`."""
    found: list[tuple[int, str, int, dict[str, Any]]] = []
    for path in sorted(folder.glob(CHAIN_FILES)):
        for line in read_lines(path):
            try:
                entry = read_entry(line.removesuffix(b"\n"))
            except EntryDamaged:
                continue
            if entry.kind is EntryKind.ACT and wanted.takes(entry):
                place = {"chain": entry.chain, "sequence": entry.sequence}
                found.append((entry.time_ms, entry.chain, entry.sequence, {**entry.body, **place}))
    for *_, act in sorted(found, key=lambda one: one[:3]):
        yield act
