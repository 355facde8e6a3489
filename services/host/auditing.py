"""From settings to the audit log, and what `pulsemesh-server audit` does with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from services.chassis.audit import (
    ActFilter,
    AuditSink,
    ChainedAudit,
    CheckpointKey,
    Entry,
    LogAudit,
    PublicKeys,
    read_acts,
    verify,
)
from services.chassis.audit.entries import read_entry
from services.chassis.audit.signing import KEY_FILE, PUBLIC_KEYS_FILE
from services.chassis.audit.verification import ChainReport, read_lines
from services.chassis.background import Supervisor
from services.chassis.settings import Settings
from services.host.exit_codes import ExitCode


def open_audit(settings: Settings) -> AuditSink:
    """Where audited acts are kept.

    Raises:
        OSError: the folder or the key cannot be used: a server that cannot keep its audit does not start.
    """
    if settings.audit.to == "log":
        return LogAudit()
    folder = settings.audit_directory
    return ChainedAudit(folder, CheckpointKey(settings.audit.key_file or folder / KEY_FILE))


def start_checkpoints(supervisor: Supervisor, audit: AuditSink, every_s: float) -> None:
    """Sign the chain of this process now and then."""
    if not isinstance(audit, ChainedAudit):
        return
    sink = audit

    async def step() -> None:
        await asyncio.to_thread(sink.checkpoint)

    supervisor.start_periodic("audit checkpoints", every_s, step)


def verify_lines(
    folder: Path, *, public_keys: Path | None, anchors: Path | None
) -> tuple[list[str], ExitCode]:
    """What verifying a folder says, a line a file, and the exit code.

    Args:
        public_keys: kept elsewhere; None believes those in the folder.
        anchors: an older copy of the ledger; all of it must still be there.

    Raises:
        OSError, ValueError: a file cannot be read.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no audit folder {folder}")
    keys = PublicKeys.load(public_keys or folder / PUBLIC_KEYS_FILE)
    kept = _anchors(anchors) if anchors is not None else []
    report = verify(folder, keys, anchors=kept)
    lines = [_line(chain) for chain in report.chains]
    if report.intact:
        return lines, ExitCode.OK
    incomplete = all(damage.incomplete for damage in report.damages)
    return lines, ExitCode.AUDIT_INCOMPLETE if incomplete else ExitCode.AUDIT_BROKEN


def _anchors(path: Path) -> list[Entry]:
    return [read_entry(line.removesuffix(b"\n")) for line in read_lines(path) if line.endswith(b"\n")]


def _line(chain: ChainReport) -> str:
    if chain.damage is not None:
        return f"BROKEN  {chain.damage}"
    recovered = f", {chain.recoveries} cut off and told of" if chain.recoveries else ""
    unsigned = chain.entries - chain.signed
    waiting = f", the last {unsigned} not signed yet" if unsigned else ""
    state = ", open" if chain.open and chain.entries else ""
    return f"ok      {chain.file}: {chain.entries} records{recovered}{waiting}{state}"


def shown_acts(folder: Path, wanted: ActFilter) -> Iterator[str]:
    """Acts as lines of JSON, by time."""
    for act in read_acts(folder, wanted):
        time = datetime.fromtimestamp(act.pop("time_ms") / 1000, UTC).isoformat(timespec="milliseconds")
        yield json.dumps({"time": time, **act}, ensure_ascii=False)


def parse_time(text: str) -> int:
    """Milliseconds since 1970 UTC of "2026-03-01" or "2026-03-01T12:00:00+01:00"; UTC where it does not say.

    Raises:
        ValueError: it is no such time.
    """
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
