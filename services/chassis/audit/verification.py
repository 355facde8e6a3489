"""Proving that nothing of an audit folder was changed, removed, added or put elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.chassis.audit.entries import (
    MAX_LINE_BYTES,
    NOTHING_BEFORE,
    Entry,
    EntryDamaged,
    EntryKind,
    digest,
    read_entry,
)
from services.chassis.audit.ledger import LEDGER_FILE, Checkpoint, read_checkpoint
from services.chassis.audit.signing import PublicKeys

CHAIN_FILES = "chain-*.jsonl"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first thing that is wrong with a file.

    Attributes:
        file: its name in the folder.
        line: counted from 1; one past the end when something is missing there.
        sequence: of the entry that is, or should be, there.
        problem: what is wrong.
        incomplete: nothing but the end of a last line is missing, as when a writer dies.
    """

    file: str
    line: int
    sequence: int
    problem: str
    incomplete: bool = False

    def __str__(self) -> str:
        return f"{self.file}, line {self.line} (record {self.sequence}): {self.problem}"


@dataclass(slots=True)
class ChainReport:
    """One chain that was read.

    Attributes:
        entries: how many are whole and in order.
        acts: those among them that tell of calls.
        signed: up to which sequence number a believed checkpoint covers it.
        recoveries: lines that were cut off by the death of a writer and told of by the next.
        open: its last writer has not ended in order; it may be at work.
        damage: None when the chain is whole.
    """

    file: str
    chain: str = ""
    entries: int = 0
    acts: int = 0
    signed: int = 0
    recoveries: int = 0
    open: bool = True
    damage: Damage | None = None
    hashes: list[str] = field(default_factory=list, repr=False)


@dataclass(slots=True)
class AuditReport:
    """What `verify` found; the chains in the order of their files, the ledger last."""

    chains: list[ChainReport]

    @property
    def damages(self) -> list[Damage]:
        """The first damage of each file that has one."""
        return [chain.damage for chain in self.chains if chain.damage is not None]

    @property
    def intact(self) -> bool:
        """True when nothing is wrong."""
        return not self.damages


def verify(folder: Path, keys: PublicKeys, *, anchors: Sequence[Entry] = ()) -> AuditReport:
    """Read a folder whole, also one that is being written to.

    Args:
        keys: by which checkpoints are believed.
        anchors: entries of the ledger that were kept elsewhere: each must still be there, as it was.

    Raises:
        OSError: a file cannot be read.
    """
    # The ledger first: chains only grow, so what it signs is in the chains that are read after it.
    ledger, checkpoints = _read_ledger(folder / LEDGER_FILE, keys, anchors)
    reports = []
    names = {path.name for path in folder.glob(CHAIN_FILES)} | {one.file for one in checkpoints}
    for name in sorted(names):
        report = read_chain(folder / name)
        _compare(report, [one for one in checkpoints if one.file == name])
        reports.append(report)
    if ledger.damage is None and ledger.entries == 0 and any(report.entries for report in reports):
        ledger.damage = Damage(LEDGER_FILE, 1, 1, "there are chains, and no checkpoint of any")
    return AuditReport([*reports, ledger])


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file with their line ends; none when there is no file. Monstrous ones come in pieces."""
    try:
        with path.open("rb") as file:
            while line := file.readline(2 * MAX_LINE_BYTES):
                yield line
    except FileNotFoundError:
        return


def read_chain(path: Path) -> ChainReport:
    """Check one chain by itself: every entry whole, in order, linked to the one before."""
    return _ChainReader(path).read()


class _ChainReader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.report = ChainReport(path.name)
        self.entries: list[Entry] = []
        self._keep = False
        self._previous = NOTHING_BEFORE
        self._line = 0
        self._torn: list[bytes] = []
        self._torn_at = 0
        self._torn_problem = ""

    def read(self, *, keep: bool = False) -> ChainReport:
        self._keep = keep
        for line in read_lines(self._path):
            self._line += 1
            self._take(line)
            if self.report.damage is not None:
                return self.report
        if self._torn:
            self._damage_torn()
        return self.report

    def _take(self, line: bytes) -> None:
        whole = line.endswith(b"\n")
        try:
            entry = read_entry(line[:-1]) if whole else None
        except EntryDamaged as error:
            self._tear(line, str(error))
            return
        if entry is None:
            self._tear(line, "the line is cut off")
        elif not self._torn:
            self._link(entry)
        elif self._is_recovery(entry):
            self._torn = []
            self.report.recoveries += 1
            self._link(entry)
        else:
            self._damage_torn()

    def _tear(self, line: bytes, problem: str) -> None:
        if not self._torn:
            self._torn_at, self._torn_problem = self._line, problem
        self._torn.append(line)

    def _is_recovery(self, entry: Entry) -> bool:
        torn = b"".join(self._torn)[:-1]
        return (
            entry.kind is EntryKind.RECOVERED
            and entry.body.get("torn_bytes") == len(torn)
            and entry.body.get("torn_sha256") == digest(torn)
        )

    def _damage_torn(self) -> None:
        incomplete = len(self._torn) == 1 and not self._torn[0].endswith(b"\n")
        problem = self._torn_problem
        if incomplete:
            problem = "the last line is cut off: its writer died, and none has come since to say so"
        self.report.damage = Damage(
            self.report.file, self._torn_at, self.report.entries + 1, problem, incomplete
        )

    def _link(self, entry: Entry) -> None:
        report = self.report
        problem = ""
        if report.entries and entry.chain != report.chain:
            problem = f"the entry is of another chain ({entry.chain})"
        elif entry.sequence != report.entries + 1:
            problem = f"the entry has the number {entry.sequence}: entries are missing, doubled or moved"
        elif entry.previous != self._previous:
            problem = "the entry follows another one than that before it: one of the two was changed"
        if problem:
            report.damage = Damage(report.file, self._line, report.entries + 1, problem)
            return
        report.chain = entry.chain
        report.entries += 1
        report.acts += entry.kind is EntryKind.ACT
        report.open = entry.kind is not EntryKind.CLOSED
        report.hashes.append(entry.hash)
        self._previous = entry.hash
        if self._keep:
            self.entries.append(entry)


def read_ledger_entries(path: Path) -> tuple[ChainReport, list[Entry]]:
    """A ledger's own chain, and its entries up to the first damage."""
    reader = _ChainReader(path)
    return reader.read(keep=True), reader.entries


def _read_ledger(
    path: Path, keys: PublicKeys, anchors: Sequence[Entry]
) -> tuple[ChainReport, list[Checkpoint]]:
    report, entries = read_ledger_entries(path)
    report.open = False
    checkpoints = []
    for line, entry in enumerate(entries, 1):
        if entry.kind is EntryKind.RECOVERED:
            continue
        try:
            checkpoint = read_checkpoint(entry)
            believed = entry.kind is EntryKind.CHECKPOINT and checkpoint.believed(keys)
        except ValueError:
            believed = False
        if not believed:
            problem = "the checkpoint is not signed by a key that is known"
            report.damage = Damage(report.file, line, entry.sequence, problem)
            break
        checkpoints.append(checkpoint)
        report.signed = entry.sequence
    for anchor in anchors:
        if report.damage is None:
            report.damage = _missing_anchor(report, anchor)
    return report, checkpoints


def _missing_anchor(report: ChainReport, anchor: Entry) -> Damage | None:
    place = anchor.sequence
    if place > report.entries:
        problem = "the checkpoint that was kept elsewhere is gone: the end was cut off"
    elif report.hashes[place - 1] != anchor.hash:
        problem = "the checkpoint is another than the one that was kept elsewhere"
    else:
        return None
    return Damage(report.file, min(place, report.entries + 1), place, problem)


def _compare(report: ChainReport, checkpoints: Sequence[Checkpoint]) -> None:
    """Hold a chain against what was signed of it; what is wrong in the chain itself comes first."""
    for checkpoint in checkpoints:
        place = checkpoint.sequence
        if place <= report.entries:
            if report.chain == checkpoint.chain and report.hashes[place - 1] == checkpoint.hash:
                report.signed = max(report.signed, place)
                continue
            problem = f"the entry is another than the one that checkpoint {checkpoint.number} signed"
        else:
            problem = f"checkpoint {checkpoint.number} signed {place} entries: the end was cut off"
        if report.damage is None or (report.damage.incomplete and place > report.entries):
            line = min(place, report.entries + 1)
            report.damage = Damage(report.file, line, line, problem)
        return
