"""The audit log: who did what to what effect, hash-chained, signed, appended and never rewritten."""

from services.chassis.audit.chain import ChainBusy, ChainFile
from services.chassis.audit.entries import Entry, EntryDamaged, EntryKind
from services.chassis.audit.ledger import Checkpoint, Ledger
from services.chassis.audit.log import LogAudit
from services.chassis.audit.reading import ActFilter, read_acts
from services.chassis.audit.record import AuditRecord, AuditSink
from services.chassis.audit.signing import CheckpointKey, PublicKeys
from services.chassis.audit.sink import ChainedAudit
from services.chassis.audit.verification import AuditReport, Damage, verify

__all__ = [
    "ActFilter",
    "AuditRecord",
    "AuditReport",
    "AuditSink",
    "ChainBusy",
    "ChainFile",
    "ChainedAudit",
    "Checkpoint",
    "CheckpointKey",
    "Damage",
    "Entry",
    "EntryDamaged",
    "EntryKind",
    "Ledger",
    "LogAudit",
    "PublicKeys",
    "read_acts",
    "verify",
]
