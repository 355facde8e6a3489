"""What is kept of one audited call, and the port that keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One audited call, refused ones included.

    Attributes:
        time_ms: since 1970 UTC, when the call ended.
        action: as the method's policy names the act, "workout.delete"; "staff.<Method>" for a call of
            staff whose method's policy names none.
        method: the gRPC path; empty for an act on the machine itself.
        user_id: for whom; empty for anonymous callers.
        caller_kind: "user", "device", "service", "staff" or "public"; "machine" for an act on the
            machine itself.
        client_id: the program that called.
        peer: the address it called from.
        request_id: by which logs find the call.
        outcome: the gRPC status code's name.
        reason: the error's reason, empty when it went well.
        roles: of staff, in order.
        details: what the use case wanted to be known of the act: the role that was granted, to whom, why.
    """

    time_ms: int
    action: str
    method: str
    user_id: str
    caller_kind: str
    client_id: str
    peer: str
    request_id: str
    outcome: str
    reason: str
    roles: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


class AuditSink(Protocol):
    """Keeps audit records."""

    def record(self, record: AuditRecord) -> None:
        """Keep one record, now; a failure to do so is logged and fails no call that already happened."""
        ...
