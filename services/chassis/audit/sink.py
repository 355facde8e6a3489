"""The sink of a serving process: its own chain, and checkpoints of it."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path

import structlog

from services.chassis.audit.chain import ChainBusy, ChainDamaged, ChainFile
from services.chassis.audit.entries import EntryKind
from services.chassis.audit.ledger import LEDGER_FILE, Checkpoint, Ledger
from services.chassis.audit.record import AuditRecord
from services.chassis.audit.signing import PUBLIC_KEYS_FILE, CheckpointKey

_log = structlog.get_logger("audit")

MAX_WRITERS = 1_000
CHECKPOINT_EVERY = 64
"""Acts after which the head is signed at once, whatever the clock says."""


class ChainedAudit:
    """Keeps records in a folder: a chain for each process that writes at the same time, one ledger for all.

    A record is handed to the operating system in the call itself, so it outlives the process. `checkpoint`
    makes it outlive the machine, and signs it.
    """

    def __init__(self, folder: Path, key: CheckpointKey) -> None:
        """
        Raises:
            OSError: the folder cannot be written.
        """
        self._lock = threading.Lock()
        self._chain = _free_chain(folder)
        self._ledger = Ledger(folder / LEDGER_FILE, key)
        key.publish(folder / PUBLIC_KEYS_FILE)
        self._chain.append(EntryKind.OPENED, {"key_id": key.key_id})
        self._unsigned = 1
        self.checkpoint()

    def record(self, record: AuditRecord) -> None:
        """See `AuditSink.record`."""
        try:
            with self._lock:
                body = {**asdict(record), "roles": list(record.roles), "details": dict(record.details)}
                self._chain.append(EntryKind.ACT, body, time_ms=record.time_ms)
                self._unsigned += 1
        except (OSError, ValueError, ChainDamaged):
            _log.exception("audit_write_failed", **asdict(record))
        if self._unsigned >= CHECKPOINT_EVERY:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Sign the head unless it is signed, and make the chain durable. Blocks; any thread may call it."""
        with self._lock:
            if not self._unsigned:
                return
            try:
                self._chain.sync()
                checkpoint = self._ledger.add(self._chain)
            except (OSError, ChainDamaged):
                _log.exception("audit_checkpoint_failed", file=str(self._chain.path))
                return
            self._unsigned = 0
        _tell(checkpoint)

    def close(self) -> None:
        """Say that the writer ends in order, sign that, let go of the file."""
        with self._lock:
            try:
                self._chain.append(EntryKind.CLOSED, {})
                self._chain.sync()
                checkpoint = self._ledger.add(self._chain)
            except (OSError, ChainDamaged):
                _log.exception("audit_close_failed", file=str(self._chain.path))
            else:
                _tell(checkpoint)
            self._chain.close()


def _tell(checkpoint: Checkpoint) -> None:
    """Logs leave the machine: a copy there shows when somebody here took the tail of everything."""
    _log.info("audit_checkpoint", **asdict(checkpoint))


def _free_chain(folder: Path) -> ChainFile:
    """The first chain that nobody writes."""
    for number in range(1, MAX_WRITERS + 1):
        path = folder / f"chain-{number:03}.jsonl"
        try:
            return ChainFile(path)
        except ChainBusy:
            continue
        except ChainDamaged as error:
            _log.error("audit_chain_damaged", error=str(error))
    raise OSError(f"no free chain in {folder}")
