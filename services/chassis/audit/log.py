"""Audit records among the logs."""

from __future__ import annotations

from dataclasses import asdict

import structlog

from services.chassis.audit.record import AuditRecord

_log = structlog.get_logger("audit")


class LogAudit:
    """Audit records among the structured logs, for installations that ship those to an append-only store."""

    def record(self, record: AuditRecord) -> None:
        """See `AuditSink.record`."""
        _log.info("audit", **asdict(record))
