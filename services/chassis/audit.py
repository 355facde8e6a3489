"""The audit log: who did what to what effect, appended and never rewritten."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import structlog

_log = structlog.get_logger("audit")


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One audited call, refused ones included.

    Attributes:
        time_ms: since 1970 UTC, when the call ended.
        action: as the method's policy names the act, "workout.delete".
        method: the gRPC path.
        user_id: for whom; empty for anonymous callers.
        caller_kind: "user", "device", "service", "staff" or "public".
        client_id: the program that called.
        peer: the address it called from.
        request_id: by which logs find the call.
        outcome: the gRPC status code's name.
        reason: the error's reason, empty when it went well.
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


class AuditSink(Protocol):
    """Keeps audit records."""

    def record(self, record: AuditRecord) -> None:
        """Keep one record, now; a failure to do so is logged and fails no call that already happened."""
        ...


class LogAudit:
    """Audit records among the structured logs, for installations that ship those to an append-only store."""

    def record(self, record: AuditRecord) -> None:
        """See `AuditSink.record`."""
        _log.info("audit", **asdict(record))


class FileAudit:
    """Audit records as lines of JSON in a file that is only ever appended to.

    One `write` a record on a descriptor opened with O_APPEND: lines of several processes never mix.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def record(self, record: AuditRecord) -> None:
        """See `AuditSink.record`."""
        line = json.dumps(asdict(record), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            os.write(self._descriptor, line.encode())
        except OSError:
            _log.exception("audit_write_failed", **asdict(record))

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
